"""A world as data."""
