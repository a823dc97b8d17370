"""A deterministic discrete-event simulator of AWS as far as the orchestrator touches it, with its faults and its truth."""
