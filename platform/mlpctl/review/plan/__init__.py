"""A plan with the differences of its changes, and what is found in it."""
