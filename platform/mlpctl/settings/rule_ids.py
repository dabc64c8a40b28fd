"""The IDs of the platform's rules, which validation needs without loading the rules and, with them, the SDKs."""

from collections.abc import Mapping
from typing import Final

RESERVED: Final = "ML-"
"""Beginning of the IDs of this project's rules."""

_COUNTS: Final[Mapping[str, int]] = {
    "CHANGE": 1,
    "COST": 2,
    "EC2": 5,
    "ECR": 5,
    "EKS": 9,
    "FS": 3,
    "IAM": 5,
    "K8S": 5,
    "KMS": 3,
    "LB": 1,
    "LOG": 4,
    "MSG": 1,
    "NET": 2,
    "OPS": 4,
    "RDS": 3,
    "S3": 10,
    "SEC": 1,
    "SM": 8,
    "TAG": 1,
    "VPC": 7,
}
"""Number of rules by theme."""

RULE_IDS: Final = frozenset(
    f"{RESERVED}{theme}-{number:02}" for theme, count in _COUNTS.items() for number in range(1, count + 1)
)
"""The IDs of all rules of the platform."""
