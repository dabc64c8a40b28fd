"""Encryption keys and networks, which other components use."""
