"""From result data to documents; reads no live object."""
