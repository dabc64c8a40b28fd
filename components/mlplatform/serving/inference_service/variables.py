"""Environment variables of a model server: reserved names, and references between variables."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Any, Final

from mlplatform import grammar

WEIGHTS: Final = "MODEL_URI"
"""The address of a model's weights."""

REGION: Final = ("AWS_DEFAULT_REGION", "AWS_REGION")
"""The region of a model's weights."""

AGENT: Final = ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI")
"""Variables by which a server finds the credentials of its pod's role. EKS adds them to pods with a role:
https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html"""

ADDED: Final = frozenset({*AGENT, *REGION, "AWS_STS_REGIONAL_ENDPOINTS"})
"""Variables that EKS adds to a pod with a role, after all others. Arguments can refer to them, but values cannot.
https://github.com/aws/amazon-eks-pod-identity-webhook"""

_KUBERNETES: Final = re.compile(r"KUBERNETES_(PORT|SERVICE)(_.*)?")
"""Variables of every pod: https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables"""

_REFERENCE: Final = re.compile(r"\$(?:\((?P<name>[^)]*)\)|.)", re.DOTALL)
"""A reference, or a dollar sign with the next character: `$$` is an escaped dollar sign.
https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/"""

ALLOWED: Final = "variables of the pod, or $$(NAME) for the text $(NAME)"


def reserved(*, weights: bool) -> dict[str, str]:
    """Names of variables that a spec must not set, with the reason.

    Args:
        weights: whether the model has weights in a bucket.
    """
    found = dict.fromkeys(AGENT, "EKS sets it for the pod's role")
    return {**found, **dict.fromkeys((WEIGHTS, *REGION), "model sets it")} if weights else found


def taken(names: Iterable[str], *, weights: bool) -> list[str]:
    """Problems of names of variables: one line per reserved name, a phrase that follows a field."""
    reasons = reserved(weights=weights)
    return [f"has {name}; allowed: other names, since {reasons[name]}" for name in names if name in reasons]


def references(text: str) -> Iterator[str]:
    """The variables that an argument or a value refers to in a way that Kubernetes replaces.

    >>> [*references("$(A)/$$(B)/$(C D)/$(E")]
    ['A']
    """
    for found in _REFERENCE.finditer(text):
        if (name := found["name"]) and not grammar.not_variables([name]):
            yield name


def ordered(values: Mapping[str, Any], others: Iterable[str] = ()) -> list[str]:
    """Names of variables in an order in which Kubernetes can resolve references: only to earlier variables.

    Otherwise names are sorted, with `others` last, so that a different order does not replace a pod.

    Args:
        values: values by the names of variables. Those that are not known yet count as values without references.
        others: names of additional variables without references.
    """
    names = [*sorted(values), *sorted({*others} - {*values})]
    found: dict[str, None] = {}
    begun: set[str] = set()

    def add(name: str) -> None:
        if name in begun:
            return
        begun.add(name)
        for other in _refers(values, name):
            if other in names:
                add(other)
        found[name] = None

    for name in names:
        add(name)
    return [*found]


def wrong_arguments(args: Sequence[str], there: Set[str]) -> Iterator[tuple[int, str]]:
    """Arguments of a program that refer to variables that its pod does not have: positions and problems."""
    for index, text in enumerate(args):
        yield from ((index, reason) for reason in _missing(text, there))


def wrong_values(values: Mapping[str, Any], there: Set[str]) -> Iterator[tuple[str, str]]:
    """Variables that refer to variables that the pod does not have, or to themselves: names and problems."""
    for name, text in values.items():
        if isinstance(text, str):
            yield from ((name, reason) for reason in _missing(text, there))
            for other in _refers(values, name):
                if name in _behind(values, other):
                    yield name, f"has $({other}), which refers back to it; allowed: {ALLOWED}"


def wrong_value(text: str, before: Set[str]) -> Iterator[str]:
    """Problems of a value that becomes known only after the order of variables is fixed."""
    yield from _missing(text, before, where=" before it")


def _missing(text: str, there: Set[str], where: str = "") -> Iterator[str]:
    for name in dict.fromkeys(references(text)):
        if name not in there and not _KUBERNETES.fullmatch(name):
            yield f"has $({name}), which the pod does not have{where}; allowed: {ALLOWED}"


def _refers(values: Mapping[str, Any], name: str) -> list[str]:
    text = values.get(name)
    return [*dict.fromkeys(references(text))] if isinstance(text, str) else []


def _behind(values: Mapping[str, Any], name: str) -> set[str]:
    """A variable, and all variables that it refers to, directly or indirectly."""
    found, ahead = {name}, [name]
    while ahead:
        more = [each for each in _refers(values, ahead.pop()) if each not in found]
        found.update(more)
        ahead += more
    return found
