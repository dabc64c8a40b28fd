"""Pulumi's resource provider protocol, and the providers that speak it."""
