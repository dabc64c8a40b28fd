"""Managed node groups, which system nodes and GPU pools share."""
