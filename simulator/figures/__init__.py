"""Figures of a run: counts, distributions and what criteria judge by, gathered from the trace."""
