"""Pulumi's resource provider protocol and the sandbox's providers."""
