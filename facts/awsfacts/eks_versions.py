"""The Kubernetes versions that EKS offers, their end of support and their add-on versions, from one dated file.

`eks_versions.json` contains its sources and its date; `mlpctl eks refresh` updates it.
"""

import datetime
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

DATA: Final = Path(__file__).with_name("eks_versions.json")


@dataclass(frozen=True)
class Support:
    """The last days of EKS's standard and extended support for a Kubernetes version.

    Source: https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html
    """

    standard_ends: datetime.date
    extended_ends: datetime.date


def offered() -> list[str]:
    """The Kubernetes minor versions that EKS offers, oldest first."""
    return sorted(_data()["versions"], key=order)


def support(kubernetes: str) -> Support:
    """The end of support of an offered version."""
    facts = _data()["versions"][kubernetes]
    return Support(
        datetime.date.fromisoformat(facts["standard_support_ends"]),
        datetime.date.fromisoformat(facts["extended_support_ends"]),
    )


def addons() -> list[str]:
    """The add-ons whose versions are known."""
    return sorted({name for facts in _data()["versions"].values() for name in facts["addons"]})


def addon_versions(addon: str, kubernetes: str) -> list[str]:
    """The known versions of an add-on for a Kubernetes version, with the default version first."""
    found: list[str] = _data()["versions"][kubernetes]["addons"].get(addon, [])
    return found


def date() -> str:
    """The date of the file, e.g. `2026-09-03`."""
    return str(_data()["date"])


def order(kubernetes: str) -> tuple[int, ...]:
    """Sort key of a Kubernetes version."""
    return tuple(int(part) for part in kubernetes.split("."))


@cache
def _data() -> Any:
    return json.loads(DATA.read_text(encoding="utf-8"))
