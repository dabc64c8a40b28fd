"""The spec of a runner, and what its builds execute."""

import json
import re
from enum import Enum
from typing import Any, Final

from pydantic import Field, field_validator

from mlplatform import grammar
from mlplatform.logs import retention
from mlplatform.spec import Spec

SOURCES: Final = {"github.com": "GITHUB", "gitlab.com": "GITLAB"}
"""CodeBuild's types of sources, by host: https://docs.aws.amazon.com/codebuild/latest/APIReference/API_ProjectSource.html"""

REPOSITORY: Final = r"^https://(github\.com|gitlab\.com)(/[A-Za-z0-9_][A-Za-z0-9_.-]*){2,}\.git$"

IMAGE: Final = r"^[a-z0-9][A-Za-z0-9._/:-]{0,254}@sha256:[0-9a-f]{64}$"
"""An image by its digest. The images that CodeBuild provides have only tags, which AWS moves:
https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-available.html"""

MAX_TIMEOUT_MINUTES: Final = 2_160
"""https://docs.aws.amazon.com/codebuild/latest/userguide/limits.html"""

COMMANDS: Final = (
    "make install",
    'export PATH="$PWD/.venv/bin:$PATH"',
    'mlpctl config validate --stack "$STACK"',
    'pulumi up --yes --policy-pack platform/policies --stack "$STACK"',
)


class Size(Enum):
    """Memory and vCPUs of a build."""

    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"


class PrivateRunnerSpec(Spec):
    """A runner of deployments."""

    repository: str = Field(pattern=REPOSITORY, examples=["https://github.com/my-org/platform.git"])
    """URL of the repository on GitHub or GitLab."""

    image: str = Field(pattern=IMAGE)
    """Image with bash, Python, make, git and the Pulumi CLI, by its digest: `REGISTRY/REPOSITORY@sha256:…`."""

    commands: list[str] = Field(default=[*COMMANDS], min_length=1, max_length=50)
    """What a build executes, in one shell. `$STACK` is the stack. Default: install the project, validate the stack file
    and run `pulumi up` with the platform's rules, which end it before a violation is deployed."""

    size: Size = Size.SMALL
    """`small` (2 vCPUs, 4 GiB), `medium` (4 vCPUs, 8 GiB) or `large` (8 vCPUs, 16 GiB)."""

    timeout_minutes: int = Field(default=180, ge=5, le=MAX_TIMEOUT_MINUTES)
    """Minutes after which a build is stopped, 5 to 2,160. A stopped update must be recovered, so allow more than the
    longest one."""

    egress_cidrs: list[str] = Field(default=["0.0.0.0/0"], min_length=1, max_length=20)
    """Networks that builds can reach on port 443. They need AWS, the repository, PyPI and Pulumi's plugins. Default:
    all networks, through the NAT gateway. The cluster is always reachable, and so is the DNS server of the VPC. DNS
    servers of your own need rules for port 53 of the group `security_group_id`."""

    log_days: int = 365
    """Days for which logs are kept, e.g. 30, 90 or 365."""

    privileged: bool = False
    """Give builds root permissions on their host, which they need to build images with Docker."""

    _retention = field_validator("log_days")(retention)

    @field_validator("egress_cidrs")
    @classmethod
    def _networks(cls, value: list[str]) -> list[str]:
        for each in value:
            grammar.network(each)
        return value


def source_type(repository: str) -> str:
    """CodeBuild's type of a repository."""
    found = re.match(REPOSITORY, repository)
    assert found
    return SOURCES[found[1]]


def buildspec(commands: list[str]) -> str:
    """The build's commands, in one shell that ends at the first failure. JSON is YAML."""
    build: dict[str, Any] = {"commands": ["set -eu", *commands]}
    return json.dumps({"version": 0.2, "env": {"shell": "bash"}, "phases": {"build": build}})
