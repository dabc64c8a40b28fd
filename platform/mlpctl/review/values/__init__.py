"""Values of plans: plain JSON, numbers, addresses, and the change of one resource."""
