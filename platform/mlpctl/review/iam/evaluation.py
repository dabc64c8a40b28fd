"""Evaluates IAM policies with their deny statements, as far as their text decides it.

An explicit deny overrides every allow. Policies are evaluated for sample requests: one for each action and resource
that a policy names, so that a partial deny leaves the rest allowed.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import IntEnum
from typing import Any, Final

from mlpctl.review.iam.conditions import anyone_meets, is_exception
from mlpctl.review.iam.patterns import matches, sample
from mlpctl.review.values.plain import Value, document, items

MOST: Final = 100_000
"""Maximum number of comparisons of a text with a pattern for a question about policies: some tenths of a second.

A policy of AWS's maximum size, 20 KB for buckets, needs more only if it names hundreds of actions or resources with
wildcards. Then it is unknown whether deny statements cover all requests.
"""


class Extent(IntEnum):
    """How far policies allow a request."""

    NONE = 0
    CONDITIONAL = 1
    """Only under a condition."""

    EXCEPTED = 2
    """Except where a deny statement with a condition applies."""

    FULL = 3


def statements(policy: Value, effect: str = "Allow") -> Iterator[Mapping[str, Any]]:
    """The statements of a policy with an effect."""
    content = document(policy) if isinstance(policy, str) else policy
    for statement in items(content.get("Statement")) if isinstance(content, Mapping) else ():
        if isinstance(statement, Mapping) and statement.get("Effect") == effect:
            yield statement


class _Element:
    """What statements say about the actions, or about the resources, of a request."""

    def __init__(self, found: Iterable[Mapping[str, Any]], name: str, normal: Callable[[str], str]) -> None:
        self._inverted = 0
        self._exact: dict[str, int] = {}
        self._wild: dict[str, int] = {}
        for place, statement in enumerate(found):
            key = f"Not{name}" if f"Not{name}" in statement else name
            if key != name:
                self._inverted |= 1 << place
            # Statements of trust policies have no resources.
            named = items(statement.get(key)) if key in statement or name == "Action" else ["*"]
            for pattern in (normal(str(each)) for each in named):
                those = self._wild if "*" in pattern or "?" in pattern else self._exact
                those[pattern] = those.get(pattern, 0) | 1 << place
        self._known: dict[str, int] = {}

    @property
    def size(self) -> int:
        """Number of comparisons that a text needs."""
        return len(self._wild) + 1

    def about(self, text: str) -> int:
        """The statements that cover a text, as the bits of a number."""
        if text not in self._known:
            named = self._exact.get(text, 0)
            for pattern, those in self._wild.items():
                if those & ~named and matches(pattern, text):
                    named |= those
            self._known[text] = named ^ self._inverted
        return self._known[text]


class Statements:
    """Statements of policies, prepared for many requests."""

    def __init__(self, found: Iterable[Mapping[str, Any]], normal: Callable[[str], str] = str) -> None:
        """Parse their patterns.

        Args:
            found: The statements.
            normal: The form of their resources that those of the requests have.
        """
        self.all = tuple(found)
        self.actions = _Element(self.all, "Action", str.lower)
        self.resources = _Element(self.all, "Resource", normal)

    def about(self, action: str, resource: str) -> int:
        """The statements about an action, in lower case, on a resource, as the bits of a number."""
        return self.actions.about(action) & self.resources.about(resource)

    def which(self, wanted: Callable[[Mapping[str, Any]], bool]) -> int:
        """The statements for which something is true, as the bits of a number."""
        return sum(1 << place for place, each in enumerate(self.all) if wanted(each))


class Permissions:
    """What the policies of a principal allow together."""

    def __init__(self, policies: Iterable[Value], normal: Callable[[str], str] = str) -> None:
        """Prepare the policies; `normal` is that of `Statements`."""
        together = [*policies]
        allow = [one for each in together for one in statements(each)]
        deny = [one for each in together for one in statements(each, "Deny")]
        self.statements = Statements((*allow, *deny), normal)
        self._allows = (1 << len(allow)) - 1
        self._always = self._allows & ~self.statements.which(is_conditional)
        left = [_denied(each.get("Condition")) for each in deny]
        self._denies = [
            (limit, sum(1 << place for place, each in enumerate(left, len(allow)) if each is limit))
            for limit in (Extent.NONE, Extent.CONDITIONAL, Extent.EXCEPTED)
        ]
        self._samples = [
            tuple(sample(one) for one in items(each.get("Resource")) if isinstance(one, str)) or (sample("*"),)
            for each in allow
        ]
        self.resources = frozenset(each for samples in self._samples for each in samples)
        """Samples of the resources that its allow statements name."""

    def extent(self, action: str, resource: str) -> Extent:
        """How far it allows an action, in lower case, on a resource."""
        about = self.statements.about(action, resource)
        if not about & self._allows:
            return Extent.NONE
        allowed = Extent.FULL if about & self._always else Extent.CONDITIONAL
        return min([allowed, *(limit for limit, those in self._denies if about & those)])

    def extents(self, action: str) -> Mapping[str, Extent]:
        """How far it allows an action, in lower case, on the resources of the statements that allow it."""
        about = self.statements.actions.about(action)
        found = dict.fromkeys(
            each for place, samples in enumerate(self._samples) if about >> place & 1 for each in samples
        )
        return {each: self.extent(action, each) for each in found}


def _denied(condition: Value) -> Extent:
    """How far a deny statement with a condition leaves requests allowed."""
    if not condition:
        return Extent.NONE
    if isinstance(condition, Mapping) and anyone_meets(condition):
        return Extent.FULL
    return Extent.CONDITIONAL if is_exception(condition) else Extent.EXCEPTED


def is_conditional(statement: Mapping[str, Any]) -> bool:
    """Whether an allow statement has a condition that not every request meets."""
    condition = statement.get("Condition")
    return bool(condition) and not (isinstance(condition, Mapping) and anyone_meets(condition))
