"""Converts inputs of resources in Terraform modules to Pulumi's names, so that the records of their types apply.

The provider for Terraform modules uses Terraform's attribute names and writes every block as a list
(https://github.com/pulumi/pulumi-terraform-module, pkg/modprovider/views.go). Pulumi uses camel case, plural names for
lists, and a mapping for a block that occurs at most once
(https://github.com/pulumi/pulumi-terraform-bridge, pkg/tfbridge/names.go). The paths in the type's record show which
blocks occur at most once.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Final

from mlpctl import urns
from mlpctl.review.compare.paths import steps_of
from mlpctl.review.firewalls import openings
from mlpctl.review.kubernetes import kubernetes_forms, pods
from mlpctl.review.lifecycle import expiry
from mlpctl.review.reading.steps import State, Step
from mlpctl.review.redact.masks import DEEPEST
from mlpctl.review.types import terraform
from mlpctl.review.types.kinds import kind, short_type
from mlpctl.review.values.marks import SIGNATURE

_PART: Final = re.compile(r'\["[^"]*"\]|\[\d+\]|[^.\[]+')
"""A part of a path in the engine's notation: `settings[0].tier`."""


@dataclass
class _Shape:
    """The form of a property according to its type's record."""

    below: dict[str, "_Shape"] = field(default_factory=dict)
    many: bool = False
    """Whether it is a list."""

    keyed: bool = False
    """Whether the names below it are user-defined, such as tags."""

    @property
    def is_block(self) -> bool:
        """Whether it is a mapping that Terraform writes as a list."""
        return bool(self.below) and not self.many and not self.keyed


def named(step: Step) -> Step:
    """A step with Pulumi's names if its resource is in a Terraform module; any other step unchanged."""
    type = urns.kind(step.urn)
    if not terraform.is_resource(type):
        return step
    shape = _shape(type)
    return replace(
        step,
        old=_state(step.old, shape),
        new=_state(step.new, shape),
        keys=[_way(each, shape) for each in step.keys],
        diffs=[_way(each, shape) for each in step.diffs],
        detailed={_way(name, shape): each for name, each in step.detailed.items()},
    )


def _state(state: State | None, shape: _Shape) -> State | None:
    if state is None:
        return None
    return replace(
        state,
        inputs=_mapping(state.inputs, shape),
        secret=frozenset(_name(each, shape) for each in state.secret),
        depends={_name(name, shape): each for name, each in state.depends.items()},
    )


def _mapping(values: Mapping[str, Any], shape: _Shape, depth: int = 0) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in values.items():
        name = _name(key, shape, of_list=isinstance(value, list))
        # Names that would collide stay unchanged.
        name = key if name in made or (name != key and name in values) else name
        made[name] = _value(value, shape.below.get(name, _Shape()), depth + 1)
    return made


def _value(value: Any, shape: _Shape, depth: int) -> Any:
    if depth >= DEEPEST:
        # The redactor hides everything below.
        return value
    if isinstance(value, list):
        items = [_mapping(each, shape, depth) if _is_plain(each) else each for each in value]
        # A missing block is an empty list.
        return (items[0] if items else None) if shape.is_block and len(items) < 2 else items
    # The keys of a mapping that is not a block are user-defined unless the record contains them.
    return _mapping(value, shape, depth) if _is_plain(value) and shape.is_block else value


def _is_plain(value: Any) -> bool:
    """Whether a value is a plain mapping without one of the engine's signatures."""
    return isinstance(value, Mapping) and SIGNATURE not in value


def _name(name: str, shape: _Shape, *, of_list: bool = True) -> str:
    """Pulumi's name of a property as in the record, in the plural if only that is in the record."""
    camel = terraform.camel(name)
    if camel in shape.below or not of_list:
        return camel
    return next((each for each in _plurals(camel) if each in shape.below), camel)


def _plurals(name: str) -> Iterator[str]:
    yield f"{name}s"
    yield f"{name}es"
    if name.endswith("y"):
        yield f"{name[:-1]}ies"


def _way(path: str, shape: _Shape) -> str:
    """A path with Pulumi's names: `settings.tier` for `settings[0].tier`."""
    made = ""
    block = False
    for part in _PART.findall(path):
        if part.startswith("["):
            made += "" if block else part
            block = False
            continue
        name = part if shape.keyed else _name(part, shape)
        shape = shape.below.get(name, _Shape())
        block = shape.is_block
        made += f".{name}" if made else name
    return made


@cache
def _shape(type: str) -> _Shape:
    top = _Shape()
    for path in _paths(type):
        at = top
        for quoted, every, name in steps_of(path):
            if every:
                at.many = True
            elif quoted:
                at.keyed = True
                break
            else:
                at = at.below.setdefault(name, _Shape())
    return top


def _paths(type: str) -> Iterator[str]:
    """All paths in the record of a type."""
    found = kind(type)
    yield from (
        *found.facts,
        *found.unless,
        *found.data_if,
        *found.sets,
        *found.documents,
        *filter(None, [found.part_of]),
    )
    conditions: Iterable[Mapping[str, Any]] = (*(each.when for each in found.notes), *(r.when for r in found.retains))
    for watch in found.watches:
        yield watch.property
        conditions = (*conditions, watch.when, *watch.unless)
    if place := kubernetes_forms.pods_of(short_type(type)):
        yield from (f"{place}.{path}" for path in pods.paths())
    yield from (path for each in conditions for path in each)
    yield from (path for each in found.retains for path in each.present)
    if form := openings.opening_of(short_type(type)):
        yield from openings.paths(form)
    if rules := expiry.form_of(short_type(type)):
        yield from expiry.paths(rules)
