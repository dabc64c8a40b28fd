"""A small deployed stack: its stack file, its state, and a `pulumi` that exports both."""

import json
import os
import stat
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

STACK: Final = "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev"
COMPONENT: Final = "urn:pulumi:dev::shop::mlplatform:index:DataBucket::models"
BUCKET: Final = "urn:pulumi:dev::shop::mlplatform:index:DataBucket$aws:s3/bucket:Bucket::models-bucket"
BLOCK: Final = (
    "urn:pulumi:dev::shop::mlplatform:index:DataBucket"
    "$aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock::models-block"
)
SECRET: Final = "urn:pulumi:dev::shop::aws:secretsmanager/secretVersion:SecretVersion::token"
CIPHER: Final = "v1:nonce:ciphertext"
GUARDS: Final = dict.fromkeys(
    ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), True
)

LAST_DAY: Final = str(datetime.now(UTC).date() + timedelta(days=300))

STACK_FILE: Final = f"""\
config:
  aws:region: us-east-1
  mlplatform:platform:
    profile: dev
    owner: ml-platform
    network: {{zones: [us-east-1a, us-east-1b]}}
    buckets:
      models: {{}}
    cluster:
      privateAccessCidrs: [10.0.0.0/16]
      logTypes: [audit]
    policies:
      waivers:
        - rule: ML-S3-03
          resource: models-bucket
          reason: only readers inside the VPC
          owner: ml-platform
          expires: "{LAST_DAY}"
"""


def resource(urn: str, inputs: Mapping[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """A resource as in a state."""
    type = urn.split("::")[2].split("$")[-1]
    custom = not type.startswith(("pulumi:pulumi", "mlplatform:"))
    own = {"id": urn.rsplit("::", 1)[-1]} if custom else {}
    return {"urn": urn, "type": type, "custom": custom, "inputs": dict(inputs or {}), "parent": STACK, **own, **fields}


OPENED: Final = {
    "op": "update",
    "urn": BLOCK,
    "oldState": resource(BLOCK, {"bucket": "models-1", **GUARDS}),
    "newState": resource(BLOCK, {"bucket": "models-1", **GUARDS, "blockPublicPolicy": False}),
    "diffReasons": ["blockPublicPolicy"],
}
"""A step of a refresh, which found that the bucket may be public."""

READ: Final = {"op": "refresh", "urn": BUCKET, "oldState": resource(BUCKET), "newState": resource(BUCKET)}
"""A step of a refresh, which found the bucket unchanged."""


def state(*more: Mapping[str, Any], blocks: Mapping[str, Any] = GUARDS) -> dict[str, Any]:
    """A deployment with a bucket, which is public if `blocks` says so, and a secret."""
    hidden = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": CIPHER}
    tagged = {"arn": "arn:aws:s3:::models-1"}
    return {
        "resources": [
            {"urn": STACK, "type": "pulumi:pulumi:Stack", "custom": False},
            resource(COMPONENT),
            resource(BUCKET, {"bucket": "models-1"}, id="models-1", outputs=tagged, parent=COMPONENT),
            resource(
                BLOCK,
                {"bucket": "models-1", **blocks},
                parent=COMPONENT,
                propertyDependencies={"bucket": [BUCKET]},
                dependencies=[BUCKET],
            ),
            resource(SECRET, {"secretId": "token", "secretString": hidden}),
            *more,
        ]
    }


def project(folder: Path, exported: Mapping[str, Any], refresh: Mapping[str, Any] | None = None) -> str:
    """Write a project with a stack `dev` and a `pulumi` that knows its state and refresh. Returns a PATH."""
    (folder / "Pulumi.yaml").write_text("name: shop\nruntime: python\nstackConfigDir: stacks\n")
    (folder / "stacks").mkdir()
    (folder / "stacks" / "Pulumi.dev.yaml").write_text(STACK_FILE)
    programs = folder / "bin"
    programs.mkdir()
    (programs / "export").write_text(json.dumps({"version": 3, "deployment": exported}))
    (programs / "refresh").write_text(json.dumps(refresh or {}))
    script = programs / "pulumi"
    script.write_text(
        f'#!/bin/sh\necho "$@" >> {programs}/calls\n'
        f'case "$1" in stack) cat {programs}/export;; refresh) cat {programs}/refresh;; *) exit 9;; esac\n'
    )
    script.chmod(script.stat().st_mode | stat.S_IEXEC)
    return f"{programs}{os.pathsep}/usr/bin{os.pathsep}/bin"
