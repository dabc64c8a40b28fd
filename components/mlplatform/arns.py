"""Validation of the ARNs that components take, by the names of the arguments."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from awsfacts.partitions import partition_problem
from mlplatform import grammar
from mlplatform.refusals import Problem, shown


class Place(NamedTuple):
    """The partition, region and account of a component's ARNs; None for what is not known."""

    partition: str | None = None
    region: str | None = None
    account: str | None = None


class _Kind(NamedTuple):
    """A kind of resource that ARNs identify."""

    words: str
    service: str
    resource: str
    """Pattern of the last part of the ARN. A wildcard is allowed only after the prefix of repository names."""

    regional: bool = True
    owned: bool = True
    """Whether the ARN contains the account."""

    elsewhere: tuple[str, ...] = ()
    """Values allowed as the account besides the component's own."""

    shared: bool = False
    """Whether the resource may belong to another account. The policy of the resource then has to allow the use."""


_SECRET: Final = _Kind("a Secrets Manager secret", "secretsmanager", r"secret:[A-Za-z0-9/_+=.@-]{1,519}")

_BUCKET: Final = _Kind("an S3 bucket", "s3", r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", regional=False, owned=False)

_KINDS: Final = {
    "bucketarn": _BUCKET,
    "bucketarns": _BUCKET,
    "cachedrepositoryarns": _Kind(
        "ECR repositories, whose names may end in /*", "ecr", rf"repository/{grammar.REPOSITORY}(/\*)?"
    ),
    "repositoryarns": _Kind("an ECR repository", "ecr", rf"repository/{grammar.REPOSITORY}"),
    "connectionarn": _Kind("a connection of CodeConnections", "codeconnections", r"connection/[A-Za-z0-9-]{1,128}"),
    "queuearns": _Kind("an SQS queue", "sqs", r"([A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo)"),
    "secretarns": _SECRET,
    "credentialarns": _SECRET._replace(
        words=f"a secret of Secrets Manager whose name begins with {grammar.CREDENTIALS_PREFIX}",
        resource=rf"secret:{grammar.CREDENTIALS_PREFIX}[A-Za-z0-9/_+=.@-]{{1,498}}",
    ),
    "permissionsboundaryarn": _Kind(
        "an IAM policy", "iam", r"policy/([!-)+->@-~]+/)?[A-Za-z0-9_+=,.@-]{1,128}", regional=False, elsewhere=("aws",)
    ),
    # An alias can be moved to another key, and policies and grants do not follow it:
    # https://docs.aws.amazon.com/kms/latest/developerguide/alias-authorization.html
    "keyarn": _Kind("a KMS key, not of an alias", "kms", r"key/[A-Za-z0-9-]{1,256}", shared=True),
}
"""The kind of resource of an argument's ARNs, by the end of the argument's name. The first match applies.
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html"""

_ARN: Final = re.compile(
    r"arn:(?P<partition>[a-z-]+):(?P<service>[a-z0-9-]+):(?P<region>[a-z0-9-]*):(?P<account>[0-9]{12}|aws)?:"
    r"(?P<resource>[!-~]+)"
)

MIN_COLONS: Final = 4
"""An ARN has more colons than this: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html"""


def is_arn(argument: str) -> bool:
    """Whether an argument, in any spelling, holds ARNs."""
    return argument.lower().endswith(("arn", "arns"))


def problems(argument: str, value: Any, place: Place) -> Iterator[Problem]:
    """Problems of an argument's ARNs. ARNs that are not known yet are skipped.

    Args:
        argument: the argument, in the caller's spelling.
        value: its value: text, a list, or a mapping.
        place: the partition, region and account of the component.
    """
    check = _check_of(argument)
    for path, each in leaves(argument, value):
        if isinstance(each, int | float) and not isinstance(each, bool):
            each = str(each)
        if not isinstance(each, str):
            continue
        if foreign := foreign_partition(each, place.partition):
            yield Problem(
                argument, f"is an ARN of the partition {foreign}; allowed: ARNs of {place.partition}, the component's"
            )
        elif check and (allowed := check(each, place)):
            yield Problem(path, f"is {shown(each)}; {allowed}")


def foreign_partition(arn: str, partition: str | None) -> str | None:
    """The partition of an ARN if it is an AWS partition other than the component's."""
    own = arn.split(":")[1] if arn.count(":") > MIN_COLONS else partition
    return own if partition and own and own != partition and partition_problem(own) is None else None


def _check_of(argument: str) -> Callable[[str, Place], str | None] | None:
    plain = re.split(r"[.\[]", argument)[0].lower().replace("_", "")
    kind = next((kind for end, kind in _KINDS.items() if plain.endswith(end)), None)
    return None if kind is None else lambda arn, place: _allowed_instead(arn, kind, place)


def _allowed_instead(arn: str, kind: _Kind, place: Place) -> str | None:
    """What is allowed instead of an ARN; None for a valid one."""
    found = _ARN.fullmatch(arn)
    if (
        found
        and found["service"] == kind.service
        and partition_problem(found["partition"]) is None
        and re.fullmatch(kind.resource, found["resource"])
        and _fits(found["region"], place.region, expected=kind.regional)
        and (
            found["account"] in kind.elsewhere
            or _fits(found["account"] or "", None if kind.shared else place.account, expected=kind.owned)
        )
    ):
        return None
    region = (place.region or "REGION") if kind.regional else ""
    own = None if kind.shared else place.account
    account = (own or "ACCOUNT") if kind.owned else ""
    begin = f"arn:{place.partition or 'PARTITION'}:{kind.service}:{region}:{account}:"
    return f"allowed: the ARN of {kind.words}, which begins with {begin}"


def _fits(part: str, own: str | None, *, expected: bool) -> bool:
    """Whether the region or account of an ARN is the component's own, or present if the component's is not known."""
    if not expected:
        return not part
    return part == own if own else bool(part) and part != "aws"


def leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The values of an argument, which may be a list or a mapping, with their paths."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield f"{path}.{key}", each
    elif isinstance(value, list | tuple):
        for number, each in enumerate(value):
            yield f"{path}[{number}]", each
    else:
        yield path, value
