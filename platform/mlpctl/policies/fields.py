"""The fields of the stack file that decide the results of rules."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from mlpctl import failures, urns
from mlpctl.config import Platform
from mlpctl.config.places import places
from mlpctl.config.problems import keys
from mlpctl.config.shape import Shape
from mlpctl.keys import NAMESPACE
from mlpctl.policies.rule import Field, Rule

ENTRY: Final = "*"


def place(
    rule: Rule, urn: str, text: str, component: str, settings: Mapping[str, Any], is_set: Callable[[str], bool]
) -> str:
    """The path in the stack file of the field that decides a violation.

    Args:
        rule: the rule.
        urn: the resource.
        text: the violation.
        component: URN of the outermost component that the resource belongs to.
        settings: the platform's section of the stack file with all defaults.
        is_set: whether the stack file sets a field.

    Returns:
        The first field of the rule that fits the violation and that the file sets, else the first that fits; else the
        component's place. Empty for a resource outside of the platform's components.
    """
    if not urns.kind(component).startswith(f"{NAMESPACE}:") or (top := failures.place(component)) is None:
        return ""
    fields = [each for each in rule.fields if each.component in ("", urns.class_name(component))]
    fitting = [each for each in fields if re.search(each.says, text)]
    found = [
        path
        for each in fitting
        if (path := _filled(f"{top}.{each.path}" if each.component else each.path, urn, component, settings))
    ]
    return next(filter(is_set, found), found[0] if found else top)


def patterns(rule: Rule) -> list[str]:
    """The paths of a rule's fields, with `*` for names: `gpuPools.*.nodes`."""
    return [*dict.fromkeys(map(_pattern, rule.fields))]


def unknown(rule: Rule) -> str:
    """The first field of a rule that no stack file has, as a sentence; empty without one."""
    for each in rule.fields:
        if each.component and each.component not in places():
            known = ", ".join(sorted(places()))
            return f"{rule.id}: fields has the component {each.component}; allowed: {known}."
        if not exists(_pattern(each)):
            return f"{rule.id}: fields has {_pattern(each)}, which no stack file can have; see docs/stack-file.md."
    return ""


def exists(path: str) -> bool:
    """Whether a stack file can have a field at a path such as `cluster.logDays`; `*` stands for a name."""
    return Shape.of(Platform).at(keys(path)) is not None


def _pattern(field: Field) -> str:
    return f"{places()[field.component].format(name=ENTRY)}.{field.path}" if field.component else field.path


def _filled(path: str, urn: str, component: str, settings: Mapping[str, Any]) -> str:
    """A path with the names of entries in place of each `*`; empty if the resource belongs to no entry."""
    here: Any = settings
    found = []
    for key in path.split("."):
        below = here if isinstance(here, Mapping) else {}
        own = _entry(below, urns.name(urn), urns.name(component)) if key == ENTRY else key
        if not own:
            return ""
        found.append(own)
        here = below.get(own)
    return ".".join(found)


def _entry(entries: Iterable[str], name: str, component: str) -> str:
    """The entry that a resource belongs to: components name their resources `COMPONENT-ENTRY-…`."""
    return max((each for each in entries if f"{name}-".startswith(f"{component}-{each}-")), key=len, default="")
