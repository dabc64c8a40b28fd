"""Which resources belong to each other."""
