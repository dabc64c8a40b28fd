"""Operate the platform: stack files, reviews, costs, recovery and updates in the sandbox."""
