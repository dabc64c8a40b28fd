"""Reads what the engine wrote, in either of its formats, into a plan."""
