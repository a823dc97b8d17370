"""What a team promises about its table: the contract, how items are read and written by it, and its limits."""
