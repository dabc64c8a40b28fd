"""Write the file of instance facts that the components use, from the EC2 API."""

import datetime
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from awsfacts.instances import DATA, facts_of
from mlpctl.errors import UserError

SOURCE: Final = "EC2 DescribeInstanceTypes"


class InstancesError(UserError):
    """The EC2 API could not be read."""


def describe(region: str) -> list[Mapping[str, Any]]:
    """All instance types that EC2 offers in a region.

    Raises:
        InstancesError: The EC2 API could not be read, e.g. without credentials.
    """
    try:
        pages = boto3.client("ec2", region_name=region).get_paginator("describe_instance_types").paginate()
        return [described for page in pages for described in page["InstanceTypes"]]
    except (BotoCoreError, ClientError) as error:
        raise InstancesError(f"EC2 in {region} did not return its instance types: {error}") from error


def text(described: Iterable[Mapping[str, Any]], source: str, date: datetime.date) -> str:
    """The content of the file: source, date, and one line per type, so that a diff shows what AWS changed."""
    types = {one["InstanceType"]: facts_of(one) for one in described}
    lines = ",\n".join(f"    {json.dumps(name)}: {json.dumps(types[name])}" for name in sorted(types))
    head = f'{{\n  "source": {json.dumps(source)},\n  "date": "{date.isoformat()}",\n  "types": {{\n'
    return f"{head}{lines}\n  }}\n}}\n"


def refresh(regions: Iterable[str]) -> int:
    """Write the file from what these regions offer. Returns the number of types in it.

    Raises:
        InstancesError: The EC2 API could not be read; the file is unchanged.
    """
    named = sorted(set(regions))
    described = [one for region in named for one in describe(region)]
    made = text(described, f"{SOURCE} in {', '.join(named)}", datetime.datetime.now(datetime.UTC).date())
    DATA.write_text(made, encoding="utf-8")
    return len(json.loads(made)["types"])
