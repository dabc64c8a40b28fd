"""Environment variables of a model's server: whose names are whose, and what refers to which."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Any, Final

from mlplatform import grammar

WEIGHTS: Final = "MODEL_URI"
"""The address of a model's weights."""

REGION: Final = ("AWS_DEFAULT_REGION", "AWS_REGION")
"""The region of a model's weights."""

AGENT: Final = ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI")
"""How a server finds the credentials of its pod's role; EKS adds them to pods that have one:
https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html"""

ADDED: Final = frozenset({*AGENT, *REGION, "AWS_STS_REGIONAL_ENDPOINTS"})
"""Variables that EKS adds to a pod with a role, behind all others: arguments can refer to them, and values cannot.
https://github.com/aws/amazon-eks-pod-identity-webhook"""

_KUBERNETES: Final = re.compile(r"KUBERNETES_(PORT|SERVICE)(_.*)?")
"""Variables of every pod: https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables"""

_REFERENCE: Final = re.compile(r"\$(?:\((?P<name>[^)]*)\)|.)", re.DOTALL)
"""A reference, or a dollar sign and what it makes of the next: `$$` is one that refers to nothing.
https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/"""

ALLOWED: Final = "variables that it has; $$(NAME) is $(NAME) as text"


def reserved(*, weights: bool) -> dict[str, str]:
    """Names of variables that are not for a spec, and whose they are.

    Args:
        weights: whether the model has weights in a bucket.
    """
    found = dict.fromkeys(AGENT, "EKS sets it for the pod's role")
    return {**found, **dict.fromkeys((WEIGHTS, *REGION), "model sets it")} if weights else found


def taken(names: Iterable[str], *, weights: bool) -> list[str]:
    """What is wrong with names of variables: a line for each that is reserved, to be read after a field."""
    whose = reserved(weights=weights)
    return [f"has {name}; allowed: other names, since {whose[name]}" for name in names if name in whose]


def references(text: str) -> Iterator[str]:
    """The variables that Kubernetes puts into an argument or a value.

    >>> [*references("$(A)/$$(B)/$(C D)/$(E")]
    ['A']
    """
    for found in _REFERENCE.finditer(text):
        if (name := found["name"]) and not grammar.not_variables([name]):
            yield name


def ordered(values: Mapping[str, Any], others: Iterable[str] = ()) -> list[str]:
    """Names of variables in an order in which Kubernetes resolves references: it knows those that come before.

    Names are sorted but for that, `others` last, so that a pod is not replaced for another order.

    Args:
        values: values by the names of variables; those that are not known yet refer to nothing.
        others: names of more variables, which refer to nothing.
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
    """Arguments of a program that refer to variables which its pod does not have: positions, and what is wrong."""
    for index, text in enumerate(args):
        yield from ((index, reason) for reason in _missing(text, there))


def wrong_values(values: Mapping[str, Any], there: Set[str]) -> Iterator[tuple[str, str]]:
    """Variables that refer to others which the pod does not have, or to themselves: names, and what is wrong."""
    for name, text in values.items():
        if isinstance(text, str):
            yield from ((name, reason) for reason in _missing(text, there))
            for other in _refers(values, name):
                if name in _behind(values, other):
                    yield name, f"has $({other}), which is made of it; allowed: {ALLOWED}"


def wrong_value(text: str, before: Set[str]) -> Iterator[str]:
    """What is wrong with the value of a variable that becomes known when the order of variables is settled."""
    yield from _missing(text, before, where=" before it")


def _missing(text: str, there: Set[str], where: str = "") -> Iterator[str]:
    for name in dict.fromkeys(references(text)):
        if name not in there and not _KUBERNETES.fullmatch(name):
            yield f"has $({name}), which the pod does not have{where}; allowed: {ALLOWED}"


def _refers(values: Mapping[str, Any], name: str) -> list[str]:
    text = values.get(name)
    return [*dict.fromkeys(references(text))] if isinstance(text, str) else []


def _behind(values: Mapping[str, Any], name: str) -> set[str]:
    """A variable, and all that it is made of."""
    found, ahead = {name}, [name]
    while ahead:
        more = [each for each in _refers(values, ahead.pop()) if each not in found]
        found.update(more)
        ahead += more
    return found
