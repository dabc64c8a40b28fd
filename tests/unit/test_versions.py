"""Facts about node images and EKS versions: the content of the files, and their update."""

import datetime
import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from awsfacts import eks_versions, node_images
from mlpctl import config
from mlpctl import eks_versions as versions_writer
from mlpctl import node_images as images_writer
from mlpctl.config.warnings import warnings
from mlplatform import EksClusterSpec
from mlplatform.compute.eks_cluster.addons import ADDONS
from mlsandbox.endpoint.eks import catalog


def stubbed(monkeypatch: pytest.MonkeyPatch, service: str) -> Stubber:
    client = boto3.client(service, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    monkeypatch.setattr(boto3, "client", lambda name, region_name: client)
    stub = Stubber(client)
    stub.activate()
    return stub


def test_each_file_contains_its_source_and_date() -> None:
    for file in (node_images, eks_versions):
        assert "https://" in json.loads(file.DATA.read_text())["source"]
        assert datetime.date.fromisoformat(file.date()) > datetime.date(2026, 1, 1)


def test_the_files_have_the_format_of_their_writers() -> None:
    images, versions = json.loads(node_images.DATA.read_text()), json.loads(eks_versions.DATA.read_text())
    day = datetime.date.fromisoformat
    assert images_writer.text(images["releases"], images["source"], day(images["date"])) == node_images.DATA.read_text()
    assert (
        versions_writer.text(versions["versions"], versions["source"], day(versions["date"]))
        == eks_versions.DATA.read_text()
    )


def test_every_release_is_for_versions_that_eks_offers() -> None:
    for release, found in node_images.all_releases().items():
        assert {*found} <= {*eks_versions.offered()}, release
        assert images_writer._RELEASE.match(release)


def test_every_version_has_images_and_every_add_on_of_the_platform() -> None:
    for version in eks_versions.offered():
        assert all(eks_versions.addon_versions(addon, version) for addon in ADDONS)
        assert node_images.releases(version)
        proxy = eks_versions.addon_versions("kube-proxy", version)
        assert all(each.startswith(f"v{version}.") for each in proxy)


def test_the_newest_release_comes_first() -> None:
    assert node_images.releases("1.36")[0] == "1.65.0-0be31b34"
    assert "1.54.0-5043decc" in node_images.releases("1.35")
    assert "1.54.0-5043decc" not in node_images.releases("1.36")


def test_an_image_is_found_by_the_documented_parameter() -> None:
    assert (
        node_images.parameter("1.36", "1.65.0-0be31b34", nvidia=True, arm=False)
        == "/aws/service/bottlerocket/aws-k8s-1.36-nvidia/x86_64/1.65.0-0be31b34/image_id"
    )


def test_a_refresh_of_images_keeps_the_releases_that_all_variants_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images_writer, "DATA", tmp_path / "node_images.json")
    monkeypatch.setattr(eks_versions, "offered", lambda: ["1.35", "1.36"])
    stub = stubbed(monkeypatch, "ssm")
    has = {"1.35": ["1.61.0-8ef015e0", "1.54.0-5043decc"], "1.36": ["1.61.0-8ef015e0"]}
    for version, releases in has.items():
        for variant in ("", "-nvidia"):
            for architecture in ("x86_64", "arm64"):
                path = f"/aws/service/bottlerocket/aws-k8s-{version}{variant}/{architecture}"
                there = [*releases, "1.61.0", "latest"]
                if variant and architecture == "x86_64":
                    there.append("1.99.0-00000000")
                names = [f"{path}/{each}/{what}" for each in there for what in ("image_id", "image_version")]
                stub.add_response(
                    "get_parameters_by_path",
                    {"Parameters": [{"Name": name, "Value": "x"} for name in names]},
                    {"Path": path, "Recursive": True},
                )

    assert images_writer.refresh("us-east-1") == 2

    written = json.loads((tmp_path / "node_images.json").read_text())
    assert written["releases"] == {"1.54.0-5043decc": ["1.35"], "1.61.0-8ef015e0": ["1.35", "1.36"]}
    assert written["source"].endswith("in us-east-1")


def test_a_refresh_of_versions_puts_eks_s_default_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions_writer, "DATA", tmp_path / "eks_versions.json")
    stub = stubbed(monkeypatch, "eks")
    end = {"endOfStandardSupportDate": datetime.datetime(2027, 8, 2, tzinfo=datetime.UTC)}
    end["endOfExtendedSupportDate"] = datetime.datetime(2028, 8, 2, tzinfo=datetime.UTC)
    offered = {"clusterVersion": "1.36", "versionStatus": "STANDARD_SUPPORT", **end}
    gone = {"clusterVersion": "1.20", "versionStatus": "UNSUPPORTED", **end}
    stub.add_response("describe_cluster_versions", {"clusterVersions": [offered, gone]}, {})
    for addon in ADDONS:
        builds: Any = [
            {"addonVersion": each, "compatibilities": [{"clusterVersion": "1.36", "defaultVersion": each == "v2"}]}
            for each in ("v3", "v2", "v1")
        ]
        stub.add_response(
            "describe_addon_versions",
            {"addons": [{"addonName": addon, "addonVersions": builds}]},
            {"addonName": addon, "kubernetesVersion": "1.36"},
        )

    assert versions_writer.refresh("us-east-1") == 1

    written = json.loads((tmp_path / "eks_versions.json").read_text())["versions"]
    assert {*written} == {"1.36"}
    assert written["1.36"]["standard_support_ends"] == "2027-08-02"
    assert written["1.36"]["addons"] == {addon: ["v2", "v3", "v1"] for addon in ADDONS}


@pytest.mark.parametrize(
    ("writer", "service", "operation", "error"),
    [
        (images_writer, "ssm", "get_parameters_by_path", images_writer.ImagesError),
        (versions_writer, "eks", "describe_cluster_versions", versions_writer.VersionsError),
    ],
)
def test_the_file_is_unchanged_if_aws_rejects_the_request(
    writer: Any, service: str, operation: str, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    stubbed(monkeypatch, service).add_client_error(operation, "AccessDeniedException", "no")
    before = writer.DATA.read_bytes()
    with pytest.raises(error, match="AccessDeniedException"):
        writer.refresh("us-east-1")
    assert writer.DATA.read_bytes() == before


@pytest.mark.parametrize(
    ("version", "day", "message"),
    [
        ("1.36", "2026-12-01", None),
        ("1.36", "2027-05-01", None),
        ("1.34", "2026-11-28", "ends on 2026-12-02. AWS then upgrades the cluster automatically"),
        ("1.34", "2026-12-02", "Upgrade to 1.35 before that date."),
        ("1.34", "2026-12-03", "ended on 2026-12-02"),
        ("1.36", "2027-08-03", "Upgrade to the next version now."),
    ],
)
def test_a_warning_precedes_the_end_of_standard_support(
    root: Path, version: str, day: str, message: str | None
) -> None:
    local = config.read(root / "stacks" / "Pulumi.local.yaml").platform
    platform = local.model_copy(update={"cluster": EksClusterSpec(version=version)})
    found = [*warnings(platform, datetime.date.fromisoformat(day))]
    assert [message in each for each in found] == ([True] if message else [])


def test_the_sandbox_offers_the_same_versions() -> None:
    assert [*catalog.KUBERNETES_VERSIONS] == eks_versions.offered()
