"""Requests that AWS rejects because of a name, length, pattern or size, but moto accepts."""

from mlsandbox.endpoint.limits.rules import CHECKED, Refusal, Request, refusal

__all__ = ["CHECKED", "Refusal", "Request", "refusal"]
