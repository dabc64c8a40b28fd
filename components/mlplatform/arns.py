"""What the ARNs may be that components take, by what their arguments are called."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from awsfacts.partitions import partition_problem
from mlplatform import grammar
from mlplatform.refusals import Problem, shown


class Place(NamedTuple):
    """What a component knows of where its ARNs lie; None for what it does not know."""

    partition: str | None = None
    region: str | None = None
    account: str | None = None


class _Kind(NamedTuple):
    """A kind of resource that ARNs name."""

    words: str
    service: str
    resource: str
    """Pattern of the end of the ARN. No wildcard but where a repository's name is one's prefix."""

    regional: bool = True
    owned: bool = True
    """Whether the ARN tells the account."""

    elsewhere: tuple[str, ...] = ()
    """What may stand for the account beside the component's own."""

    shared: bool = False
    """Whether it may belong to another account, whose own policy then has to allow the use."""


_SECRET: Final = _Kind("a secret of Secrets Manager", "secretsmanager", r"secret:[A-Za-z0-9/_+=.@-]{1,519}")

_KINDS: Final = {
    "bucketarns": _Kind("an S3 bucket", "s3", r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", regional=False, owned=False),
    "cachedrepositoryarns": _Kind(
        "repositories of ECR, whose names may end in /*", "ecr", rf"repository/{grammar.REPOSITORY}(/\*)?"
    ),
    "repositoryarns": _Kind("a repository of ECR", "ecr", rf"repository/{grammar.REPOSITORY}"),
    "queuearns": _Kind("an SQS queue", "sqs", r"([A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo)"),
    "secretarns": _SECRET,
    "credentialarns": _SECRET._replace(
        words=f"a secret of Secrets Manager whose name begins with {grammar.CREDENTIALS_PREFIX}",
        resource=rf"secret:{grammar.CREDENTIALS_PREFIX}[A-Za-z0-9/_+=.@-]{{1,498}}",
    ),
    "permissionsboundaryarn": _Kind(
        "an IAM policy", "iam", r"policy/([!-)+->@-~]+/)?[A-Za-z0-9_+=,.@-]{1,128}", regional=False, elsewhere=("aws",)
    ),
    # An alias moves from key to key, which policies and grants do not follow:
    # https://docs.aws.amazon.com/kms/latest/developerguide/alias-authorization.html
    "keyarn": _Kind("a KMS key, not of an alias", "kms", r"key/[A-Za-z0-9-]{1,256}", shared=True),
}
"""The resource that an argument's ARNs name, by how the argument's name ends: the first that fits.
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html"""

_ARN: Final = re.compile(
    r"arn:(?P<partition>[a-z-]+):(?P<service>[a-z0-9-]+):(?P<region>[a-z0-9-]*):(?P<account>[0-9]{12}|aws)?:"
    r"(?P<resource>[!-~]+)"
)

MIN_COLONS: Final = 4
"""Fewer colons than these are in no ARN: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html"""


def is_arn(argument: str) -> bool:
    """Whether an argument, spelt in any way, holds ARNs."""
    return argument.lower().endswith(("arn", "arns"))


def problems(argument: str, value: Any, place: Place) -> Iterator[Problem]:
    """What is wrong with the ARNs of an argument, of which those that are not known yet are left.

    Args:
        argument: the argument, as whoever wrote it spells it.
        value: its value: text, a list, or a mapping.
        place: where the component's ARNs lie.
    """
    check = _check_of(argument)
    for path, each in leaves(argument, value):
        if isinstance(each, int | float) and not isinstance(each, bool):
            each = str(each)
        if not isinstance(each, str):
            continue
        if foreign := foreign_partition(each, place.partition):
            yield Problem(
                argument, f"names the partition {foreign}; allowed: ARNs of {place.partition}, the component's"
            )
        elif check and (allowed := check(each, place)):
            yield Problem(path, f"is {shown(each)}; {allowed}")


def foreign_partition(arn: str, partition: str | None) -> str | None:
    """The partition of an ARN where it is one of AWS's, but not the component's."""
    own = arn.split(":")[1] if arn.count(":") > MIN_COLONS else partition
    return own if partition and own and own != partition and partition_problem(own) is None else None


def _check_of(argument: str) -> Callable[[str, Place], str | None] | None:
    plain = re.split(r"[.\[]", argument)[0].lower().replace("_", "")
    kind = next((kind for end, kind in _KINDS.items() if plain.endswith(end)), None)
    return None if kind is None else lambda arn, place: _allowed_instead(arn, kind, place)


def _allowed_instead(arn: str, kind: _Kind, place: Place) -> str | None:
    """What is allowed instead of an ARN; None for a right one."""
    found = _ARN.fullmatch(arn)
    if (
        found
        and found["service"] == kind.service
        and partition_problem(found["partition"]) is None
        and re.fullmatch(kind.resource, found["resource"])
        and _fits(found["region"], place.region, told=kind.regional)
        and (
            found["account"] in kind.elsewhere
            or _fits(found["account"] or "", None if kind.shared else place.account, told=kind.owned)
        )
    ):
        return None
    region = (place.region or "REGION") if kind.regional else ""
    own = None if kind.shared else place.account
    account = (own or "ACCOUNT") if kind.owned else ""
    begin = f"arn:{place.partition or 'PARTITION'}:{kind.service}:{region}:{account}:"
    return f"allowed: the ARN of {kind.words}, which begins with {begin}"


def _fits(part: str, own: str | None, *, told: bool) -> bool:
    """Whether the region or account of an ARN is the component's own, or there at all where that is not known."""
    if not told:
        return not part
    return part == own if own else bool(part) and part != "aws"


def leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The values of an argument, which may be a list or a mapping, by their places."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield f"{path}.{key}", each
    elif isinstance(value, list | tuple):
        for number, each in enumerate(value):
            yield f"{path}[{number}]", each
    else:
        yield path, value
