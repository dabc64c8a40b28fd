"""Validation of arguments that many components have: accounts, regions, partitions and tags."""

import base64
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final

import pulumi

from awsfacts import eks_versions
from awsfacts.partitions import partition_problem, region_problem
from mlplatform import arns, grammar, plain
from mlplatform.arns import Place
from mlplatform.component import PACKAGE
from mlplatform.refusals import ArgumentsError, Problem, shown

OWN_TAGS: Final = f"{PACKAGE}:"
"""Prefix of the keys of the tags by which a resource is found after a crash."""

NAME_KEY: Final = "Name"
"""The tag that every component sets to the logical name, unless the caller sets it."""

MAX_TAGS: Final = 42
"""Maximum number of the caller's tags. AWS allows 50 per resource, including those of the component and of EKS:
https://docs.aws.amazon.com/tag-editor/latest/userguide/reference.html"""

MAX_TAG_KEY: Final = 128
MAX_TAG: Final = 256
TAG_WORDS: Final = "letters, digits, spaces and _ . : / = + - @, with no space at either end"
_TAG: Final = re.compile(r"[\w .:/=+@-]*")
"""Characters that IAM, the strictest service, allows in keys and values of tags:
https://docs.aws.amazon.com/IAM/latest/APIReference/API_Tag.html"""

_AWS: Final = "aws:"
"""Reserved prefix of keys and values: https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html"""

_ENDPOINT: Final = re.compile(r"https://[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?/?")

_ACCOUNT: Final = re.compile(r"[0-9]{12}")
"""An account ID. As a number it would lose its leading zeros."""


def account_problem(account: str) -> str | None:
    """What is allowed instead of an account ID; None for a valid one."""
    return None if _ACCOUNT.fullmatch(account) else "allowed: an AWS account ID, 12 digits in quotes"


def is_tag_text(text: str) -> bool:
    """Whether a text has only characters that are allowed in tags, and no leading or trailing space."""
    return bool(_TAG.fullmatch(text)) and text == text.strip()


def tag_key_problem(key: str) -> str | None:
    """What is allowed instead of a tag's key; None for a valid one."""
    if not key or len(key) > MAX_TAG_KEY or not is_tag_text(key):
        return f"allowed: 1 to {MAX_TAG_KEY} {TAG_WORDS}"
    if key.lower().startswith(_AWS):
        return "allowed: keys that do not begin with aws:, which AWS reserves"
    if key.lower().startswith(OWN_TAGS):
        return f"allowed: keys that do not begin with {OWN_TAGS}, which components set"
    if key.lower() == NAME_KEY.lower() and key != NAME_KEY:
        return f"allowed: {NAME_KEY}, or other keys, since components set it and IAM's keys differ in more than case"
    return None


def tag_value_problem(value: str) -> str | None:
    """What is allowed instead of a tag's value; None for a valid one."""
    if len(value) > MAX_TAG or not is_tag_text(value):
        return f"allowed: at most {MAX_TAG} {TAG_WORDS}"
    return "allowed: values that do not begin with aws:, which AWS reserves" if value.lower().startswith(_AWS) else None


def tag_problems(key: str, tags: Mapping[str, Any]) -> Iterator[Problem]:
    """Tags that AWS rejects or that the component sets itself. Values that are not known yet are skipped.

    Args:
        key: the argument.
        tags: the tags.
    """
    if len(tags) > MAX_TAGS:
        yield Problem(key, f"has {len(tags)} entries; allowed: at most {MAX_TAGS}")
    lower = [tag.lower() for tag in tags]
    for tag, value in tags.items():
        if allowed := tag_key_problem(tag):
            yield Problem(key, f"has {shown(tag)}; {allowed}")
        elif lower.count(tag.lower()) > 1:
            allowed = "keys that differ in more than their case; IAM rejects keys that differ only in case"
            yield Problem(key, f"has {shown(tag)}; allowed: {allowed}")
        if isinstance(value, str) and (allowed := tag_value_problem(value)):
            yield Problem(f"{key}.{tag}", f"is {shown(value)}; {allowed}")


def place_problems(region: str | None, partition: str | None, names: tuple[str, str]) -> Iterator[Problem]:
    """Problems of a component's region and partition.

    Args:
        region: the region, if it is known.
        partition: the partition, if it is known.
        names: the names of the two arguments.
    """
    if region is not None and (allowed := region_problem(region)):
        yield Problem(names[0], f"is {shown(region)}; allowed: {allowed}")
        region = None
    if partition is not None and (allowed := partition_problem(partition, region)):
        yield Problem(names[1], f"is {shown(partition)}; allowed: {allowed}")


def _by(check: Callable[[str], object]) -> Callable[[str], str | None]:
    """What is allowed instead of a value for which `check` raises a ValueError."""

    def allowed(value: str) -> str | None:
        try:
            check(value)
        except ValueError as error:
            return str(error)
        return None

    return allowed


def _bucket(value: str) -> str | None:
    return None if grammar.bucket(value) else "allowed: the name of an S3 bucket: lower-case letters, digits, . and -"


def _version(value: str) -> str | None:
    offered = eks_versions.offered()
    words = f"allowed: {', '.join(offered)} (EKS's of {eks_versions.date()}; `mlpctl eks refresh` brings newer ones)"
    return None if value in offered else words


def _endpoint(value: str) -> str | None:
    return None if _ENDPOINT.fullmatch(value) else "allowed: the URL of the Kubernetes API, https:// and a host"


def _authority(value: str) -> str | None:
    try:
        base64.b64decode(value, validate=True)
    except ValueError:
        return "allowed: a certificate authority in base64, as EKS returns it"
    return None


def _id(form: str, example: str) -> Callable[[str], str | None]:
    return lambda value: None if re.fullmatch(form, value) else f"allowed: IDs such as {example}"


def _role_path(value: str) -> str | None:
    fits = value.startswith("/") and re.fullmatch(grammar.ROLE_PATH, value[1:])
    return None if fits else "allowed: a path of IAM that begins and ends with /, e.g. /mlplatform/"


_subnet: Final = _id(grammar.SUBNET_ID, "subnet-0a1b2c3d4e5f60718")
_group: Final = _id(grammar.GROUP_ID, "sg-0a1b2c3d4e5f67890")

_FORMS: Final[Mapping[str, Callable[[str], str | None]]] = {
    "accountid": account_problem,
    "bucketnames": _bucket,
    "clustercertificateauthority": _authority,
    "clusterendpoint": _endpoint,
    "clustername": _by(grammar.cluster),
    "clustersecuritygroupid": _group,
    "clusterversion": _version,
    "clusterservicecidr": _by(grammar.network),
    "podsubnetids": _subnet,
    "privateaccesssecuritygroups": _group,
    "registryurl": _by(grammar.registry),
    "repositoryurls": _by(grammar.repository_url),
    "rolepath": _role_path,
    "stackrolepath": _role_path,
    "subnetids": _subnet,
}
"""Functions that return what is allowed instead of a value or an entry, None for a valid one; by the argument's name in
lower case without underscores."""


def form_problems(argument: str, value: Any) -> Iterator[Problem]:
    """Problems of the format of an argument. Values that are not known yet are skipped.

    Args:
        argument: the argument, in the caller's spelling.
        value: its value: text, or a list or mapping of text.
    """
    check = _FORMS.get(_letters(argument))
    for path, each in arns.leaves(argument, value) if check else ():
        if check and isinstance(each, str) and (allowed := check(each)):
            yield Problem(path, f"is {shown(each)}; {allowed}")


def _letters(argument: str) -> str:
    return argument.lower().replace("_", "")


def placed(what: str, given: dict[str, Any], partition: str | None) -> dict[str, Any]:
    """The arguments of a component, with account, region, partition and ARNs validated once they are known.

    Args:
        what: the component, e.g. `KeyRing keys`.
        given: its arguments by their Python names. Plain values have been validated.
        partition: its partition if `given` has none; None if the component has no such argument.
    """
    args = {key: _checked_later(what, key, value) for key, value in given.items()}
    outputs = [key for key in ("region", "partition") if isinstance(given.get(key), pulumi.Output)]
    if outputs:
        both = pulumi.Output.all(given.get("region"), given.get("partition", partition))
        args[outputs[0]] = both.apply(
            lambda known: _valid(
                what,
                known[0 if outputs[0] == "region" else 1],
                place_problems(known[0], known[1], ("region", "partition")),
            )
        )
    place = [args.get("partition", partition), args.get("region"), args.get("account_id")]
    return {
        key: _each(value, partial(_fitting_arn, what, key, place)) if arns.is_arn(key) else value
        for key, value in args.items()
    }


def _checked_later(what: str, argument: str, value: Any) -> Any:
    """An argument whose outputs are validated when they are known. Plain values have been validated."""
    if argument != "tags" and _letters(argument) not in _FORMS:
        return value
    if isinstance(value, pulumi.Output):
        whole = _tags_known if argument == "tags" else form_problems
        return value.apply(lambda known: _valid(what, known, whole(argument, known)))
    return _each(value, partial(_entry_later, what, argument))


def _tags_known(argument: str, tags: Mapping[str, Any]) -> Iterator[Problem]:
    found = [*plain.problems(argument, tags)]
    yield from found or tag_problems(argument, tags)


def _entry_later(what: str, argument: str, value: Any, entry: str) -> Any:
    if not isinstance(value, pulumi.Output):
        return value

    def problems(known: Any) -> Iterator[Problem]:
        if argument == "tags":
            return _tags_known(argument, {entry.removeprefix("."): known})
        return (
            Problem(argument + entry + each.path.removeprefix(argument), each.reason)
            for each in form_problems(argument, known)
        )

    return value.apply(lambda known: _valid(what, known, problems(known)))


def _each(value: Any, make: Callable[[Any, str], Any]) -> Any:
    """Apply `make` to each entry of a value and its path: `.name`, `[0]`, or empty for the value itself."""
    if isinstance(value, Mapping):
        return {key: make(each, f".{key}") for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [make(each, f"[{number}]") for number, each in enumerate(value)]
    return make(value, "")


def _valid(what: str, value: Any, problems: Iterator[Problem]) -> Any:
    """Return the value if there are no problems; otherwise raise an `ArgumentsError`."""
    if found := [*problems]:
        raise ArgumentsError(what, found)
    return value


def _fitting_arn(what: str, argument: str, place: list[Any], value: Any, entry: str) -> Any:
    """An ARN that is validated when it and the component's place are known. Plain values have been validated."""
    if not any(isinstance(each, pulumi.Output) for each in (value, *place)):
        return value

    def checked(known: list[Any]) -> Any:
        arn, *there = known
        return _valid(what, arn, arns.problems(f"{argument}{entry}", arn, Place(*there)))

    return pulumi.Output.all(value, *place).apply(checked)


def not_secret(what: str, argument: str, values: Mapping[str, pulumi.Input[str]], instead: str) -> dict[str, Any]:
    """Values of an argument that is visible in plain text, so that none may be a secret output.

    Args:
        what: the component, e.g. `InferenceService chat`.
        argument: the argument.
        values: its values. Secret outputs, and outputs that resolve to credentials, fail when they are known.
        instead: what is allowed instead.
    """

    def checked(name: str, value: pulumi.Output[Any]) -> pulumi.Output[Any]:
        def known(resolved: list[Any]) -> Any:
            is_secret, text = resolved
            marked = [Problem(f"{argument}.{name}", f"is secret; {instead}")] if is_secret else []
            return _valid(what, text, iter(marked or plain.problems(argument, {name: text})))

        is_secret: pulumi.Output[bool] = pulumi.Output.from_input(value.is_secret())
        return pulumi.Output.all(is_secret, value).apply(known)

    return {key: checked(key, each) if isinstance(each, pulumi.Output) else each for key, each in values.items()}
