"""Resource options of components in other programs."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.engine

KEY = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class Own:
    """A separate project next to a copy of this one."""

    project: Any

    def write(self, text: str) -> None:
        """Write its program: imports that the documentation omits, then `text`."""
        (self.project.folder / "__main__.py").write_text(
            f"import pulumi\nfrom mlplatform import DataBucket, GpuNodePool, KeyRing\n\nkey_arn = {KEY!r}\n{text}"
        )

    def pulumi(self, *command: str, check: bool = True) -> Any:
        """Run a `pulumi` command in it."""
        return self.project.pulumi(*command, check=check)

    def planned(self, text: str) -> dict[str, dict[str, Any]]:
        """The planned resources of a program by name."""
        self.write(text)
        return {step["newState"]["urn"].rsplit("::", 1)[-1]: step["newState"] for step in self.project.preview()}


@pytest.fixture
def own(project: Any, sandbox: Any) -> Iterator[Own]:
    folder = project.folder / "own"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: own\nruntime:\n  name: python\n  options: {virtualenv: ../.venv}\n")
    made = Own(type(project)(folder, sandbox))
    made.pulumi("stack", "select", "--create", "local")
    made.pulumi("config", "set", "aws:region", "us-east-1", "--stack", "local")
    yield made
    shutil.rmtree(folder)


def test_the_transform_in_the_documentation_changes_the_intended_child(own: Own, root: Path) -> None:
    (example,) = [
        text
        for text in re.findall(r"```python\n(.*?)```", (root / "docs" / "reuse.md").read_text(), re.DOTALL)
        if "transforms=" in text
    ]
    steps = own.planned(example)
    nodes = steps.pop("training-nodes")
    assert nodes["customTimeouts"]["update"] == 4 * 3600
    assert nodes["ignoreChanges"] == ["scalingConfig.desiredSize"]
    steps.pop("training-template")  # It ignores tag changes by default.
    assert [name for name, state in steps.items() if state.get("ignoreChanges") or state.get("customTimeouts")] == []


def test_retention_and_protection_options_apply_to_every_child(own: Own) -> None:
    steps = own.planned(
        "options = pulumi.ResourceOptions(retain_on_delete=True, protect=True)\n"
        'DataBucket("mine", {"bucket": {"retain": False}, "data_key_arn": key_arn}, options)\n'
        'DataBucket("other", {"bucket": {"retain": False}, "data_key_arn": key_arn})\n'
    )
    for flag in ("retainOnDelete", "protect"):
        assert {name.split("-")[0] for name, state in steps.items() if state.get(flag)} == {"mine"}
        assert not [name for name, state in steps.items() if name.startswith("mine-") and not state.get(flag)]


def test_retained_resources_are_complete_after_a_destroy(own: Own, sandbox: Any) -> None:
    """A retained key is found by its alias. A retained bucket is still encrypted and private."""
    kms, s3 = sandbox.aws("kms"), sandbox.aws("s3")
    own.write(
        'keys = KeyRing("kept", {"keys": {"perDomain": False}, "account_id": "123456789012", "region": "us-east-1"})\n'
        'bucket = DataBucket("kept", {"bucket": {}, "data_key_arn": keys.data_key_arn})\n'
        'pulumi.export("bucket", bucket.bucket_name)\n'
    )
    own.pulumi("up", "--yes", "--skip-preview", "--stack", "local")
    bucket = json.loads(own.pulumi("stack", "output", "--json", "--stack", "local").stdout)["bucket"]
    own.pulumi("destroy", "--yes", "--stack", "local")

    (alias,) = [each for each in kms.list_aliases()["Aliases"] if "kept-shared" in each["AliasName"]]
    key = kms.describe_key(KeyId=alias["TargetKeyId"])["KeyMetadata"]
    (rule,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    policy = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
    closed = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    # Clean up for other tests.
    s3.delete_bucket(Bucket=bucket)
    kms.delete_alias(AliasName=alias["AliasName"])
    kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)

    assert key["KeyState"] == "Enabled"
    assert rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] == key["Arn"]
    assert {"OnlyTls", "KmsOnlyWithAKey"} <= {statement["Sid"] for statement in policy["Statement"]}
    assert {*closed.values()} == {True}


def test_a_missing_stack_output_is_reported_with_the_name_of_the_argument(own: Own) -> None:
    """The error is one sentence without a traceback."""
    own.write(
        'stack = pulumi.StackReference("organization/own/local")\n'
        'DataBucket("mine", {"bucket": {}, "data_key_arn": stack.get_output("dataKeyArm")})\n'
    )
    done = own.pulumi("preview", "--stack", "local", check=False)
    assert done.returncode != 0
    assert "data_key_arn is an output without a value; allowed: one that has a value" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
