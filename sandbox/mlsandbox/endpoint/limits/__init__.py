"""What AWS refuses by name, length, grammar and size, and moto takes."""

from mlsandbox.endpoint.limits.rules import CHECKED, Refusal, Request, refusal

__all__ = ["CHECKED", "Refusal", "Request", "refusal"]
