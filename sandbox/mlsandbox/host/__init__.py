"""A sandbox on one machine: its folder, its processes and its environment."""
