"""Inputs of a Terraform module's resources by Pulumi's names, so that what is known of their types holds for them.

The provider for Terraform modules shows every attribute by Terraform's name, and every block as a list
(https://github.com/pulumi/pulumi-terraform-module, pkg/modprovider/views.go). Pulumi writes names in camel case, a
list's name in the plural, and a block of which there is one at most as a mapping
(https://github.com/pulumi/pulumi-terraform-bridge, pkg/tfbridge/names.go). Which of them there is one of is told by
the paths of the type's record.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Final

from mlpctl import urns
from mlpctl.review import expiry, openings, terraform
from mlpctl.review.kinds import kind, short_type
from mlpctl.review.marks import SIGNATURE
from mlpctl.review.redact.masks import DEEPEST
from mlpctl.review.steps import State, Step
from mlpctl.review.watches import steps_of

_PART: Final = re.compile(r'\["[^"]*"\]|\[\d+\]|[^.\[]+')
"""A part of a way as the engine writes it: `settings[0].tier`."""


@dataclass
class _Shape:
    """What a type's record says of the form of a property."""

    below: dict[str, "_Shape"] = field(default_factory=dict)
    many: bool = False
    """Whether it is a list."""

    keyed: bool = False
    """Whether the names below it are the program's own, as those of tags."""

    @property
    def is_block(self) -> bool:
        """Whether it is a mapping of which Terraform writes a list."""
        return bool(self.below) and not self.many and not self.keyed


def named(step: Step) -> Step:
    """A step with Pulumi's names where it is about a resource of a Terraform module; any other as it is."""
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
        # Two names that come to one stay as they are.
        name = key if name in made or (name != key and name in values) else name
        made[name] = _value(value, shape.below.get(name, _Shape()), depth + 1)
    return made


def _value(value: Any, shape: _Shape, depth: int) -> Any:
    if depth >= DEEPEST:
        # What is below is hidden.
        return value
    if isinstance(value, list):
        items = [_mapping(each, shape, depth) if _is_plain(each) else each for each in value]
        # A block that is not there is an empty list.
        return (items[0] if items else None) if shape.is_block and len(items) < 2 else items
    # The keys of a mapping that is no block are the program's own, unless the record knows them.
    return _mapping(value, shape, depth) if _is_plain(value) and shape.is_block else value


def _is_plain(value: Any) -> bool:
    """Whether a value is a mapping of the program's, and none of the engine's own kinds."""
    return isinstance(value, Mapping) and SIGNATURE not in value


def _name(name: str, shape: _Shape, *, of_list: bool = True) -> str:
    """Pulumi's name of a property: as the record writes it, in the plural where only that is known."""
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
    """A way by Pulumi's names: `settings.tier` of `settings[0].tier`."""
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
    """Every path that is known of a type."""
    found = kind(type)
    yield from (*found.facts, *found.unless, *found.sets, *found.documents, *filter(None, [found.part_of]))
    conditions: Iterable[Mapping[str, Any]] = (*(each.when for each in found.notes), *(r.when for r in found.retains))
    for watch in found.watches:
        yield watch.property
        conditions = (*conditions, watch.when, *watch.unless)
    yield from (path for each in conditions for path in each)
    yield from (path for each in found.retains for path in each.present)
    if form := openings.opening_of(short_type(type)):
        yield from openings.paths(form)
    if rules := expiry.form_of(short_type(type)):
        yield from expiry.paths(rules)
