"""Write the file of node images that the components use, from AWS's public parameters."""

import datetime
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from awsfacts import eks_versions
from awsfacts.node_images import ARCHITECTURES, DATA, RELEASE, VARIANTS, order, parameters
from mlpctl.errors import UserError

SOURCE: Final = "Systems Manager's public parameters below /aws/service/bottlerocket"

_RELEASE: Final = re.compile(RELEASE)


class ImagesError(UserError):
    """The Systems Manager API could not be read."""


def refresh(region: str) -> int:
    """Write the file from a region's images for the Kubernetes versions of EKS. Returns the number of releases.

    Raises:
        ImagesError: The Systems Manager API could not be read, or has no image; the file is unchanged.
    """
    client = boto3.client("ssm", region_name=region)
    found: dict[str, list[str]] = {}
    for kubernetes in eks_versions.offered():
        kinds = ((variant, architecture) for variant in VARIANTS for architecture in ARCHITECTURES)
        for release in set.intersection(*({*_releases(client, parameters(kubernetes, *kind))} for kind in kinds)):
            found.setdefault(release, []).append(kubernetes)
    if not found:
        raise ImagesError(f"Systems Manager in {region} has no Bottlerocket images.")
    today = datetime.datetime.now(datetime.UTC).date()
    DATA.write_text(text(found, f"{SOURCE} in {region}", today), encoding="utf-8")
    return len(found)


def text(releases: Mapping[str, Iterable[str]], source: str, date: datetime.date) -> str:
    """The content of the file: source, date, and one line per release, so that a diff shows what AWS changed."""
    lines = ",\n".join(
        f"    {json.dumps(each)}: {json.dumps([*releases[each]])}" for each in sorted(releases, key=order)
    )
    head = f'{{\n  "source": {json.dumps(source)},\n  "date": "{date.isoformat()}",\n  "releases": {{\n'
    return f"{head}{lines}\n  }}\n}}\n"


def _releases(client: Any, path: str) -> Iterator[str]:
    """The releases below a path, with build id. `latest` and releases without build id are duplicates, and left out."""
    try:
        pages = client.get_paginator("get_parameters_by_path").paginate(Path=path, Recursive=True)
        names = [one["Name"] for page in pages for one in page["Parameters"]]
    except (BotoCoreError, ClientError) as error:
        raise ImagesError(f"Systems Manager did not list {path}: {error}") from error
    for name in names:
        release, _, what = name.removeprefix(f"{path}/").partition("/")
        if what == "image_id" and _RELEASE.match(release):
            yield release
