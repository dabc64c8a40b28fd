"""What a sandbox is on one machine: its folder, its processes, its environment."""
