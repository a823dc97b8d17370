"""AWS services as far as the orchestrator touches them: their state and their rules, and no knowledge of who asks."""
