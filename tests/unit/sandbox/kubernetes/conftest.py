"""A cluster that serves what a test puts into it."""

from collections.abc import Sequence
from typing import Any

import pytest

from mlsandbox.providers.kubernetes.objects import Kind, Object, Reference


class ShelfCluster:
    """Objects on a shelf, read as from a `Cluster`."""

    def __init__(self) -> None:
        self.items: list[Object] = []

    def put(self, *items: Object) -> None:
        for item in items:
            item.setdefault("metadata", {}).setdefault("uid", f"uid-{len(self.items)}")
            self.items.append(item)

    def get(self, reference: Reference) -> Object | None:
        return next((item for item in self.items if Reference.to(item) == reference), None)

    def list(self, kind: Kind, namespace: str | None = None, labels: str = "") -> Sequence[Object]:
        wanted = dict(pair.split("=", 1) for pair in labels.split(",") if pair)
        return [
            item
            for item in self.items
            if (item["apiVersion"], item["kind"]) == (kind.api_version, kind.name)
            and (namespace is None or item["metadata"].get("namespace") == namespace)
            and wanted.items() <= item["metadata"].get("labels", {}).items()
        ]

    def served(self, kind: Kind) -> bool:
        return kind.group != "unserved.example.com"


@pytest.fixture
def cluster() -> Any:
    return ShelfCluster()
