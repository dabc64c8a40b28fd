"""Redacts the secrets of a plan while it is read, by the rules in `secrets.yaml`."""

from mlpctl.review.redact.redactor import Redactor, scrub

__all__ = ["Redactor", "scrub"]
