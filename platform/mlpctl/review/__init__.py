"""What a reviewer reads of a plan: what changes, what that may destroy, and what it costs."""
