"""What a world is made of, as data."""
