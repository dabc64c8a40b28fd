"""A pack of own rules for tests."""

from pathlib import Path
from typing import Final

RULE: Final = '''
from collections.abc import Iterator

import pulumi_aws as aws
from mlpctl.policies import ALWAYS, Resource, Severity, rule


@rule(
    "{id}",
    aws.s3.Bucket,
    reason="Buckets are found by their beginning.",
    remedy="Begin the name with acme-.",
    severity=Severity.LOW,
    levels=ALWAYS,
)
def {name}(bucket: Resource) -> Iterator[str]:
    """The name of a bucket begins with acme-."""
    if not str(bucket.get("bucket", "")).startswith("acme-"):
        yield "has a name without acme-"
'''
ID: Final = "ACME-S3-01"


def pack(root: Path, folder: str = "acme", *, id: str = ID, text: str | None = None, file: str = "buckets.py") -> Path:
    """Write a pack with one rule, or with this text, into a project."""
    made = root / folder
    made.mkdir(parents=True, exist_ok=True)
    (made / file).write_text(RULE.format(id=id, name="bucket_has_the_prefix") if text is None else text)
    return made
