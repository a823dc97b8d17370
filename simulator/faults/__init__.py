"""Faults: rules as data, the plan that decides which of them act, and what they do at the boundaries."""
