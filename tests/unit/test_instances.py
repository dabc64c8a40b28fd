import datetime
import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.ec2.models.instance_types import INSTANCE_TYPES, InstanceType, InstanceTypeBackend

from awsfacts import instances
from awsfacts.instances import DATA
from mlpctl import instances as writer
from mlsandbox.endpoint.eks import instance_types
from mocked_aws import mocked_aws


def _file(path: Path = DATA) -> Any:
    return json.loads(path.read_text())


def test_the_file_matches_the_ec2_api() -> None:
    described = [{"InstanceType": name, **facts} for name, facts in INSTANCE_TYPES.items()]
    file = _file()
    assert writer.text(described, file["source"], datetime.date.fromisoformat(file["date"])) == DATA.read_text()


@pytest.mark.engine  # takes seconds
def test_a_refresh_reads_each_region(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = tmp_path / "instance_types.json"
    monkeypatch.setattr(writer, "DATA", written)
    few = ("g6.2xlarge", "p5.48xlarge", "m7i.large")
    monkeypatch.setattr(InstanceTypeBackend, "instance_types", [InstanceType(name) for name in few])
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mocked_aws():
        assert writer.refresh(["us-west-2", "us-east-1"]) == len(few)
    assert _file(written)["types"] == {name: _file()["types"][name] for name in few}
    assert _file(written)["source"] == "EC2 DescribeInstanceTypes in us-east-1, us-west-2"


def test_the_file_contains_its_source_and_date() -> None:
    assert _file()["source"].startswith("EC2 DescribeInstanceTypes")
    assert datetime.date.fromisoformat(instances.date()) > datetime.date(2026, 1, 1)


def test_sandbox_nodes_have_the_number_of_gpus_in_the_facts() -> None:
    for name in _file()["types"]:
        facts, node = instances.find(name), instance_types.find(name)
        assert facts and node
        if facts.gpu_manufacturer == instances.NVIDIA:
            assert facts.gpus == node.nvidia_gpus


def test_the_file_is_unchanged_if_the_ec2_api_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(boto3, "client", boto3.session.Session(botocore_session=_without_credentials()).client)
    before = DATA.read_bytes()
    with pytest.raises(
        writer.InstancesError, match=r"EC2 in us-east-1 did not return its instance types: .*credentials"
    ):
        writer.refresh(["us-east-1"])
    assert DATA.read_bytes() == before


def _without_credentials() -> Any:
    import botocore.credentials
    import botocore.session

    session = botocore.session.Session()
    session.register_component("credential_provider", botocore.credentials.CredentialResolver([]))
    return session
