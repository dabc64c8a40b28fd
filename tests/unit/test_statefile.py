"""Lost and broken states, and the backups in a file backend."""

import gzip
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mlpctl import statefile
from mlpctl.statefile import StateFile, flaws

STACK = "urn:pulumi:dev::ml::pulumi:pulumi:Stack::ml-dev"
PROVIDER = "urn:pulumi:dev::ml::pulumi:providers:aws::default"
BUCKET = "urn:pulumi:dev::ml::aws:s3/bucket:Bucket::data"
POLICY = "urn:pulumi:dev::ml::aws:s3/bucketPolicy:BucketPolicy::data-policy"


def resource(urn: str, **more: Any) -> dict[str, Any]:
    kind = urn.split("::")[2]
    return {"urn": urn, "type": kind, "custom": kind != "pulumi:pulumi:Stack", **more}


def whole() -> list[dict[str, Any]]:
    by = {"parent": STACK, "provider": f"{PROVIDER}::id-1"}
    return [
        resource(STACK),
        resource(PROVIDER, id="id-1", parent=STACK),
        resource(BUCKET, id="data-1", **by),
        resource(POLICY, id="data-1", dependencies=[BUCKET], propertyDependencies={"bucket": [BUCKET]}, **by),
    ]


def problems_of(*resources: Mapping[str, Any]) -> list[str]:
    return [*flaws({"resources": resources})]


def test_a_state_written_by_the_engine_has_no_problems() -> None:
    assert problems_of(*whole()) == []
    assert [*flaws({})] == []


def test_a_resource_pending_deletion_may_share_its_urn_and_lack_its_provider() -> None:
    old = resource(BUCKET, id="data-0", delete=True, parent=STACK, provider="urn:pulumi:dev::ml::gone::old::id-0")
    assert problems_of(*whole(), old) == []
    pending = resource(BUCKET, id="data-0", pendingReplacement=True, parent=STACK, provider="x::y")
    assert problems_of(resource(STACK), pending) == []


def test_each_problem_is_reported_with_its_resource() -> None:
    stack, provider, bucket, policy = whole()
    assert problems_of(stack, provider, bucket, bucket) == ["aws:s3/bucket:Bucket data exists twice"]
    assert problems_of(stack, provider, policy, bucket) == [
        "aws:s3/bucketPolicy:BucketPolicy data-policy has the dependency data, which comes after it"
    ]
    assert problems_of(stack, provider, policy) == [
        "aws:s3/bucketPolicy:BucketPolicy data-policy has the dependency data, which does not exist"
    ]
    assert problems_of(provider, stack) == ["pulumi:providers:aws default has the parent ml-dev, which comes after it"]
    assert problems_of(stack, bucket, provider) == [
        "aws:s3/bucket:Bucket data has the provider default, which comes after it"
    ]
    assert problems_of(stack, bucket) == ["aws:s3/bucket:Bucket data has the provider default, which does not exist"]
    assert problems_of({"type": "x"}, {"urn": STACK}) == [
        "resource 0 has no URN or no type",
        "resource 1 has no URN or no type",
    ]


class Backend:
    """A file backend with one stack."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.place = (f"file://{folder}", "ml", "dev")
        self.ages = 0

    @property
    def state(self) -> StateFile:
        found = statefile.find(*self.place)
        assert found is not None
        return found

    def write(self, path: str, content: bytes | Mapping[str, Any]) -> Path:
        """Write a file that is newer than all previous files."""
        where = self.folder / ".pulumi" / path
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        self.ages += 1
        os.utime(where, (1_800_000_000 + self.ages, 1_800_000_000 + self.ages))
        return where

    def backups(self) -> list[str]:
        return [each.path.name for each in statefile.backups(*self.place)]


def checkpoint(*resources: Mapping[str, Any]) -> dict[str, Any]:
    return {"version": 3, "checkpoint": {"stack": "organization/ml/dev", "latest": {"resources": resources}}}


@pytest.fixture
def backend(tmp_path: Path) -> Backend:
    return Backend(tmp_path)


STATE = "stacks/ml/dev.json"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"null", "contains null, which is not a state"),
        (b"{}", "contains {}, which is not a state"),
        (b"[1]", "contains [1], which is not a state"),
        (b'{"checkpoint": null}', 'contains {"checkpoint": null}, which is not a state'),
        (b'{"version": 3, "checkpoint": {"lat', "is not valid JSON"),
        (b"\xff\xfe", "is not valid JSON"),
        (b"[" * 100_000, "is not valid JSON"),
        (b'{"checkpoint": {"latest": 5}}', "contains no list of resources"),
        (b'{"checkpoint": {"latest": {"resources": [5]}}}', "contains no list of resources"),
    ],
)
def test_a_file_without_a_state_is_broken(backend: Backend, content: bytes, problem: str) -> None:
    backend.write(STATE, content)
    assert backend.state.problems == [problem]


def test_the_state_of_a_stack_without_an_update_is_valid(backend: Backend) -> None:
    backend.write(STATE, {"version": 3, "checkpoint": {"stack": "organization/ml/dev", "latest": None}})
    assert backend.state.problems == []
    assert backend.state.resources == 0


def test_a_missing_file_is_a_lost_state_only_if_the_last_state_had_resources(backend: Backend) -> None:
    assert backend.state.is_of_no_stack
    backend.write(f"{STATE}.bak", checkpoint())
    assert backend.state.is_of_no_stack, "the stack was destroyed and removed"
    backend.write(f"{STATE}.bak", checkpoint(*whole()))
    assert not backend.state.is_of_no_stack
    assert backend.state.problems == ["does not exist"]


def test_the_number_of_reported_problems_is_limited(backend: Backend) -> None:
    backend.write(STATE, checkpoint(*[resource(BUCKET)] * 10))
    assert backend.state.problems == [*["aws:s3/bucket:Bucket data exists twice"] * 5, "and 4 more"]


def test_the_newest_valid_backup_with_resources_comes_first(backend: Backend) -> None:
    backend.write("history/ml/dev/dev-1.checkpoint.json", checkpoint(*whole()))
    backend.write("backups/ml/dev/dev.2.json", checkpoint(*whole()))
    backend.write("history/ml/dev/dev-3.checkpoint.json.gz", gzip.compress(json.dumps(checkpoint(*whole())).encode()))
    for path, content in {
        f"{STATE}.bak": b"null",
        f"{STATE}.bak.attrs": b"{}",
        "backups/ml/dev/dev.4.json": checkpoint(),
        "backups/ml/dev/dev.5.json": checkpoint(*reversed(whole())),
        "backups/ml/other/other.6.json": checkpoint(*whole()),
        "history/ml/dev/dev-6.history.json": {"kind": "update"},
    }.items():
        backend.write(path, content)  # type: ignore[arg-type]  # either kind
    assert backend.backups() == ["dev-3.checkpoint.json.gz", "dev.2.json", "dev-1.checkpoint.json"]


@pytest.mark.parametrize("packed", [False, True])
def test_a_backup_replaces_the_broken_state_which_is_retained(backend: Backend, packed: bool) -> None:
    backend.write(STATE, b"null")
    backend.write(f"{STATE}.attrs", b"{")
    content = json.dumps(checkpoint(*whole())).encode()
    name = "backups/ml/dev/dev.2.json"
    backup = StateFile(backend.write(f"{name}.gz" if packed else name, gzip.compress(content) if packed else content))
    kept = statefile.restore(backend.state, backup)
    assert kept is not None
    assert kept.read_bytes() == b"null"
    assert backend.state.problems == []
    assert backend.state.path.read_bytes() == content
    assert not (backend.folder / ".pulumi" / f"{STATE}.attrs").exists()
    backend.state.path.unlink()
    assert statefile.restore(backend.state, backup) is None
    assert backend.state.resources == 3


def test_a_compressed_state_is_read_and_restored_uncompressed(backend: Backend) -> None:
    backend.write(f"{STATE}.gz", gzip.compress(json.dumps(checkpoint(*whole())).encode()))
    assert backend.state.problems == []
    backend.write(f"{STATE}.gz", b"\x1f\x8b broken")
    assert backend.state.problems == ["is not valid JSON"]
    backup = StateFile(backend.write(f"{STATE}.gz.bak", gzip.compress(json.dumps(checkpoint(*whole())).encode())))
    assert backend.backups() == ["dev.json.gz.bak"]
    statefile.restore(backend.state, backup)
    assert (backend.state.path.name, backend.state.resources) == ("dev.json", 3)


def test_other_backends_are_not_read() -> None:
    assert statefile.find("s3://bucket?region=eu-central-1", "ml", "dev") is None
    assert statefile.backups("s3://bucket", "ml", "dev") == []
