"""Clients in the style of public code for DRS, written for these tests: no line of them is copied."""
