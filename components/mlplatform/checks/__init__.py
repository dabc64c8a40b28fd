"""Checks of components' arguments, before any resource is created."""
