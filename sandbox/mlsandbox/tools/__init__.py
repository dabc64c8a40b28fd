"""Finds, installs or builds the programs that a sandbox runs."""
