"""Takes the secrets out of a plan while it is read; `secrets.yaml` says what is looked for."""

from mlpctl.review.redact.redactor import Redactor, scrub

__all__ = ["Redactor", "scrub"]
