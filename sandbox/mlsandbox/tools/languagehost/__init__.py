"""Runs Python programs, policy packs and component plugins for the Pulumi engine, as `pulumi-language-python` does."""
