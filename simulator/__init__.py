"""A deterministic discrete-event simulator of AWS, as far as the orchestrator touches it, and of the truth behind it."""
