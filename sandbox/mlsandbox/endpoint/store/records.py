"""The store's content, as one of moto's backends, so that snapshots and resets include it."""

from functools import cache
from typing import Any, Final

from boto3.session import Session
from moto.core.base_backend import BackendDict, BaseBackend

STORE: Final = "sandbox-store"
"""The name of the store among moto's services."""

Record = dict[str, Any]
"""A stored resource, with the field names of botocore's model."""


class StoreBackend(BaseBackend):
    """The stored resources of an account and region."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.records: dict[tuple[str, str], dict[str, Record]] = {}

    def of(self, service: str, noun: str) -> dict[str, Record]:
        """The resources of a type, by key."""
        return self.records.setdefault((service, noun), {})


@cache
def _regions() -> list[str]:
    session = Session()
    partitions = session.get_available_partitions()
    return [region for each in partitions for region in session.get_available_regions("ec2", each)]


store_backends: Final[BackendDict[StoreBackend]] = BackendDict(
    StoreBackend, STORE, use_boto3_regions=False, additional_regions=_regions()
)
