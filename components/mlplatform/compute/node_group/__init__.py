"""Managed node groups of system nodes and GPU pools."""
