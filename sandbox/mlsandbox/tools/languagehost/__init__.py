"""A language host for Python: runs programs, policy packs and component plugins for the Pulumi engine."""
