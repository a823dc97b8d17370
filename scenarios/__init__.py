"""Scenarios as data, the catalogue, and the runner that turns a scenario and a seed into a result."""
