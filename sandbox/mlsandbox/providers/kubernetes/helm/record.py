"""A release as Helm 3 keeps it: one Secret per revision.

Source: helm.sh/helm/v3, pkg/storage/driver/secrets.go and util.go (name, type, labels, encoding), pkg/release.
"""

import base64
import binascii
import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self

from mlsandbox.providers.kubernetes.helm.charts import chart_name
from mlsandbox.providers.kubernetes.objects import Kind, Object, Reference

SECRET = Kind("v1", "Secret")
OWNER_LABELS = "owner=helm"

_TYPE = "helm.sh/release.v1"
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"

DEPLOYED, SUPERSEDED = "deployed", "superseded"


@dataclass(frozen=True)
class Revision:
    """One revision of a release."""

    name: str
    namespace: str
    number: int
    chart: str
    """As the program gives it."""

    version: str
    """The chart's version; empty if the program asks for the latest, which cannot be known here."""

    values: Mapping[str, Any]
    description: str
    first_deployed: str
    last_deployed: str
    status: str = DEPLOYED

    @property
    def reference(self) -> Reference:
        """The Secret that keeps the revision."""
        return Reference(SECRET, f"sh.helm.release.v1.{self.name}.v{self.number}", self.namespace)

    def superseded(self) -> Self:
        """The revision after a newer one was deployed."""
        return replace(self, status=SUPERSEDED)

    def secret(self) -> Object:
        """The revision's Secret."""
        release = {
            "name": self.name,
            "info": {
                "first_deployed": self.first_deployed,
                "last_deployed": self.last_deployed,
                "deleted": "",
                "description": self.description,
                "status": self.status,
            },
            "chart": {
                "metadata": {"name": chart_name(self.chart), "version": self.version, "apiVersion": "v2"},
                "lock": None,
                "templates": [],
                "values": {},
                "schema": None,
                "files": [],
            },
            "config": dict(self.values),
            "manifest": "",
            "version": self.number,
            "namespace": self.namespace,
        }
        packed = base64.b64encode(gzip.compress(json.dumps(release, sort_keys=True).encode(), mtime=0))
        return {
            "apiVersion": SECRET.api_version,
            "kind": SECRET.name,
            "metadata": {
                "name": self.reference.name,
                "namespace": self.namespace,
                "labels": {
                    "owner": "helm",
                    "name": self.name,
                    "status": self.status,
                    "version": str(self.number),
                    "modifiedAt": str(int(datetime.strptime(self.last_deployed, _TIME).timestamp())),
                },
            },
            "type": _TYPE,
            "data": {"release": base64.b64encode(packed).decode()},
        }

    @classmethod
    def of(cls, secret: Object) -> Self | None:
        """The revision in a Secret; None if the Secret is not readable as one."""
        try:
            packed = base64.b64decode(base64.b64decode(secret["data"]["release"]))
            release = json.loads(gzip.decompress(packed))
            info, chart = release["info"], release["chart"]["metadata"]
            return cls(
                name=release["name"],
                namespace=release["namespace"],
                number=release["version"],
                chart=chart["name"],
                version=chart.get("version", ""),
                values=release.get("config") or {},
                description=info.get("description", ""),
                first_deployed=info["first_deployed"],
                last_deployed=info["last_deployed"],
                status=info["status"],
            )
        except (KeyError, TypeError, ValueError, OSError, EOFError, zlib.error, binascii.Error):
            return None


def now() -> str:
    """The time as records have it, in UTC."""
    return datetime.now(UTC).strftime(_TIME)


def revisions(secrets: Iterator[Object]) -> list[Revision]:
    """The revisions in Helm's Secrets, the oldest first."""
    return sorted((found for secret in secrets if (found := Revision.of(secret))), key=lambda one: one.number)
