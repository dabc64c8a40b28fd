"""Reviews a plan: its changes, what they may destroy, and what they cost."""
