"""Retention periods of logs."""

from typing import Final

RETENTION_DAYS: Final = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
)  # fmt: skip
"""Retention periods that CloudWatch Logs supports, in days:
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html"""


def retention(days: int) -> int:
    """`days` if it is a retention period of CloudWatch Logs; for use as a field validator.

    Raises:
        ValueError: lists the allowed periods.
    """
    if days not in RETENTION_DAYS:
        raise ValueError(f"allowed: {', '.join(map(str, RETENTION_DAYS))}")
    return days
