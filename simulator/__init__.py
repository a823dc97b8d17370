"""A deterministic discrete-event simulator of AWS as the orchestrator sees it, and of the truth behind it."""
