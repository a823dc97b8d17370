"""Two runs, or two sets of seeds, side by side: what changed, how much values differ and how sure that is."""
