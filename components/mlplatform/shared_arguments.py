"""What arguments that many components have may be: accounts, regions, partitions and tags."""

import base64
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final

import pulumi

from awsfacts.partitions import partition_problem, region_problem
from mlplatform import arns, grammar, plain
from mlplatform.arns import Place
from mlplatform.component import PACKAGE
from mlplatform.refusals import ArgumentsError, Problem, shown

OWN_TAGS: Final = f"{PACKAGE}:"
"""How the keys of tags begin by which a resource is found again after a crash."""

MAX_TAGS: Final = 42
"""Most tags of one's own. AWS takes 50 of a resource, those of the component and of EKS among them:
https://docs.aws.amazon.com/tag-editor/latest/userguide/reference.html"""

_ENDPOINT: Final = re.compile(r"https://[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?/?")

_ACCOUNT: Final = re.compile(r"[0-9]{12}")
"""An account's number; as a number it loses the zeros that it begins with."""


def account_problem(account: str) -> str | None:
    """What is wrong with an account that is known; None where nothing is."""
    return None if _ACCOUNT.fullmatch(account) else "allowed: an AWS account, 12 digits in quotes"


def tag_problems(key: str, tags: Mapping[str, Any]) -> Iterator[Problem]:
    """What AWS refuses of tags, and what the component sets itself.

    Args:
        key: the argument.
        tags: the tags.
    """
    if len(tags) > MAX_TAGS:
        yield Problem(key, f"has {len(tags)} entries; allowed: at most {MAX_TAGS}")
    for tag in tags:
        if tag.lower().startswith("aws:"):
            yield Problem(key, f"has {shown(tag)}; allowed: keys that do not begin with aws:, which is AWS's own")
        elif tag.startswith(OWN_TAGS):
            yield Problem(
                key, f"has {shown(tag)}; allowed: keys that do not begin with {OWN_TAGS}, which components set"
            )


def place_problems(region: str | None, partition: str | None, names: tuple[str, str]) -> Iterator[Problem]:
    """What is wrong with a component's region and partition.

    Args:
        region: the region, where it is known.
        partition: the partition, where it is known.
        names: what the two arguments are called.
    """
    if region is not None and (allowed := region_problem(region)):
        yield Problem(names[0], f"is {shown(region)}; allowed: {allowed}")
        region = None
    if partition is not None and (allowed := partition_problem(partition, region)):
        yield Problem(names[1], f"is {shown(partition)}; allowed: {allowed}")


def _service_cidr(value: str) -> str | None:
    try:
        grammar.network(value)
    except ValueError as error:
        return str(error)
    return None


def _endpoint(value: str) -> str | None:
    return None if _ENDPOINT.fullmatch(value) else "allowed: the URL of the Kubernetes API, https:// and a host"


def _authority(value: str) -> str | None:
    try:
        base64.b64decode(value, validate=True)
    except ValueError:
        return "allowed: a certificate authority in base64, as EKS tells it"
    return None


_FORMS: Final[Mapping[str, Callable[[str], str | None]]] = {
    "accountid": account_problem,
    "clustercertificateauthority": _authority,
    "clusterendpoint": _endpoint,
    "clusterservicecidr": _service_cidr,
}
"""What is allowed instead of a value, None where it is right, by the argument's name in small letters alone."""


def form_problems(argument: str, value: Any) -> Iterator[Problem]:
    """What is wrong with the form of an argument that is known.

    Args:
        argument: the argument, as whoever wrote it spells it.
        value: its value.
    """
    check = _FORMS.get(argument.lower().replace("_", ""))
    if check and isinstance(value, str) and (allowed := check(value)):
        yield Problem(argument, f"is {shown(value)}; {allowed}")


def placed(what: str, given: dict[str, Any], partition: str | None) -> dict[str, Any]:
    """The arguments of a component whose account, region, partition and ARNs are checked once they are known.

    Args:
        what: the component, e.g. `KeyRing keys`.
        given: its arguments by their names in Python, of which plain ones have been checked.
        partition: its partition where `given` has none; None where the component takes none.
    """
    args = dict(given)
    for key, value in given.items():
        if isinstance(value, pulumi.Output) and key.replace("_", "") in _FORMS:
            args[key] = value.apply(partial(_of_right_form, what, key))
    outputs = [key for key in ("region", "partition") if isinstance(given.get(key), pulumi.Output)]
    if outputs:
        both = pulumi.Output.all(given.get("region"), given.get("partition", partition))
        args[outputs[0]] = both.apply(
            lambda known: _right(
                what,
                known[0 if outputs[0] == "region" else 1],
                place_problems(known[0], known[1], ("region", "partition")),
            )
        )
    place = [args.get("partition", partition), args.get("region"), args.get("account_id")]
    return {key: _fitting_arns(what, key, value, place) if arns.is_arn(key) else value for key, value in args.items()}


def _of_right_form(what: str, argument: str, value: Any) -> Any:
    return _right(what, value, form_problems(argument, value))


def _right(what: str, value: Any, problems: Iterator[Problem]) -> Any:
    """The value where there are no problems."""
    if found := [*problems]:
        raise ArgumentsError(what, found)
    return value


def _fitting_arns(what: str, argument: str, value: Any, place: list[Any]) -> Any:
    """ARNs that are checked when they and the component's place are known. Whatever is plain has been checked."""
    if isinstance(value, Mapping):
        return {key: _fitting_arn(what, argument, each, place, f".{key}") for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_fitting_arn(what, argument, each, place, f"[{number}]") for number, each in enumerate(value)]
    return _fitting_arn(what, argument, value, place, "")


def _fitting_arn(what: str, argument: str, value: Any, place: list[Any], entry: str) -> Any:
    if not any(isinstance(each, pulumi.Output) for each in (value, *place)):
        return value

    def checked(known: list[Any]) -> Any:
        arn, *there = known
        return _right(what, arn, arns.problems(f"{argument}{entry}", arn, Place(*there)))

    return pulumi.Output.all(value, *place).apply(checked)


def not_secret(what: str, argument: str, values: Mapping[str, pulumi.Input[str]], instead: str) -> dict[str, Any]:
    """Values of an argument that show up in plain text, of which none may be a secret output.

    Args:
        what: the component, e.g. `InferenceService chat`.
        argument: the argument.
        values: its values. Secret outputs, and those that turn out to be credentials, fail when they are known.
        instead: what is allowed instead.
    """

    def checked(name: str, value: pulumi.Output[Any]) -> pulumi.Output[Any]:
        def known(told: list[Any]) -> Any:
            is_secret, text = told
            marked = [Problem(f"{argument}.{name}", f"is secret; {instead}")] if is_secret else []
            return _right(what, text, iter(marked or plain.problems(argument, {name: text})))

        is_secret: pulumi.Output[bool] = pulumi.Output.from_input(value.is_secret())
        return pulumi.Output.all(is_secret, value).apply(known)

    return {key: checked(key, each) if isinstance(each, pulumi.Output) else each for key, each in values.items()}
