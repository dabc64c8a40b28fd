"""Kubernetes groups of people, which access entries name and role bindings refer to."""

import re
from collections.abc import Iterable
from typing import Final

from mlplatform.grammar import quoted

_GROUP: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
"""Without colons: EKS rejects the prefixes `system:`, `eks:`, `aws:`, `amazon:` and `iam:`.
https://docs.aws.amazon.com/eks/latest/userguide/creating-access-entries.html"""


def check_groups(values: Iterable[str], field: str) -> None:
    """Check the names of groups.

    Raises:
        ValueError: one line per invalid name.
    """
    wrong = [
        f"{field} has {quoted(each)}; allowed: up to 63 letters, digits and . _ -, with a letter or digit at both ends"
        for each in values
        if not _GROUP.fullmatch(each)
    ]
    if wrong:
        raise ValueError("\n".join(wrong))
