"""Wrong input of every kind, to every command: none may end in an internal error, a hang or a lost file."""
