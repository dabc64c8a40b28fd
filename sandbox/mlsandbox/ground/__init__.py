"""What all parts of a sandbox share: its folder, ports, files and records, and the settings of its user."""
