"""Write the file of EKS versions that the components use, from the EKS API."""

import datetime
import json
from collections.abc import Mapping
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from awsfacts.eks_versions import DATA, order
from mlpctl.errors import UserError
from mlplatform.compute.eks_cluster.addons import ADDONS

SOURCE: Final = "EKS DescribeClusterVersions and DescribeAddonVersions"


class VersionsError(UserError):
    """The EKS API could not be read."""


def refresh(region: str) -> int:
    """Write the file from what EKS offers in a region. Returns the number of Kubernetes versions in it.

    Raises:
        VersionsError: The EKS API could not be read, or lacks an add-on; the file is unchanged.
    """
    client = boto3.client("eks", region_name=region)
    try:
        clusters = _all(client, "describe_cluster_versions", "clusterVersions")
        versions: dict[str, dict[str, Any]] = {
            one["clusterVersion"]: {
                "standard_support_ends": _day(one["endOfStandardSupportDate"]),
                "extended_support_ends": _day(one["endOfExtendedSupportDate"]),
                "addons": {name: _addon(client, name, one["clusterVersion"]) for name in ADDONS},
            }
            for one in clusters
            if one["versionStatus"] != "UNSUPPORTED"
        }
    except (BotoCoreError, ClientError) as error:
        raise VersionsError(f"EKS in {region} did not return its versions: {error}") from error
    lacking = [
        f"{addon} for {each}" for each, facts in versions.items() for addon in ADDONS if not facts["addons"][addon]
    ]
    if lacking or not versions:
        raise VersionsError(f"EKS in {region} offers no version of {', '.join(lacking) or 'Kubernetes'}.")
    today = datetime.datetime.now(datetime.UTC).date()
    DATA.write_text(text(versions, f"{SOURCE} in {region}", today), encoding="utf-8")
    return len(versions)


def text(versions: Mapping[str, Mapping[str, Any]], source: str, date: datetime.date) -> str:
    """The content of the file: source, date, and one line per add-on, so that a diff shows what AWS changed."""
    parts = []
    for version in sorted(versions, key=order):
        facts = versions[version]
        addons = ",\n".join(f"        {json.dumps(name)}: {json.dumps(each)}" for name, each in facts["addons"].items())
        days = "".join(f"      {json.dumps(name)}: {json.dumps(facts[name])},\n" for name in _DAYS)
        parts.append(f'    "{version}": {{\n{days}      "addons": {{\n{addons}\n      }}\n    }}')
    head = f'{{\n  "source": {json.dumps(source)},\n  "date": "{date.isoformat()}",\n  "versions": {{\n'
    return head + ",\n".join(parts) + "\n  }\n}\n"


_DAYS: Final = ("standard_support_ends", "extended_support_ends")


def _addon(client: Any, name: str, kubernetes: str) -> list[str]:
    """The versions of an add-on for a Kubernetes version: EKS's default, then the others in EKS's order."""
    found = _all(client, "describe_addon_versions", "addons", addonName=name, kubernetesVersion=kubernetes)
    versions = [each for addon in found for each in addon["addonVersions"]]
    return [each["addonVersion"] for each in sorted(versions, key=lambda each: not _is_default(each, kubernetes))]


def _is_default(version: Mapping[str, Any], kubernetes: str) -> bool:
    return any(
        each["defaultVersion"] for each in version["compatibilities"] if each.get("clusterVersion") == kubernetes
    )


def _all(client: Any, operation: str, member: str, **arguments: Any) -> list[Any]:
    pages = client.get_paginator(operation).paginate(**arguments)
    return [each for page in pages for each in page[member]]


def _day(moment: datetime.datetime) -> str:
    return moment.date().isoformat()
