"""Generate the reference pages in `docs/`, from the same specs that validate stack files.

`python -m mlpctl.reference FOLDER` writes them.
"""

import ast
import datetime
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

import mlplatform
from awsfacts.quotas import quotas
from mlpctl import failures
from mlpctl.config import Platform
from mlpctl.config.places import places
from mlpctl.config.profiles import PROFILES
from mlpctl.config.shape import Shape
from mlpctl.doctor import CHECKS
from mlpctl.doctor.policy import policy
from mlpctl.policies import fields
from mlpctl.policies.approvals import APPROVAL
from mlpctl.policies.frameworks import FRAMEWORKS
from mlpctl.policies.rules import rules
from mlpctl.review.cost import book, show
from mlplatform.args import SHARED
from mlplatform.component import Component

_TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("mlpctl", "templates"),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


@dataclass(frozen=True)
class Field:
    """One table row of a page."""

    name: str
    text: str
    allowed: str = ""
    default: str = ""


@dataclass(frozen=True)
class Section:
    """One section of a stack file, or one component."""

    title: str
    text: str
    fields: tuple[Field, ...]
    outputs: tuple[Field, ...] = ()


def pages() -> dict[str, str]:
    """All pages by file name."""
    return {
        "stack-file.md": _TEMPLATES.get_template("stack-file.md.j2").render(sections=[*_sections(Shape.of(Platform))]),
        "components.md": _TEMPLATES.get_template("components.md.j2").render(components=[*_components()]),
        "failures.md": _TEMPLATES.get_template("failures.md.j2").render(rows=[*_failures()], quotas=quotas()),
        "doctor.md": _TEMPLATES.get_template("doctor.md.j2").render(checks=CHECKS, policy=policy()),
        "costs.md": _TEMPLATES.get_template("costs.md.j2").render(_costs()),
        "rules.md": _TEMPLATES.get_template("rules.md.j2").render(
            rules=sorted([*rules(), APPROVAL], key=lambda each: each.id), frameworks=FRAMEWORKS, fields=fields.patterns
        ),
    }


@dataclass(frozen=True)
class Attribute:
    """An annotated attribute in the source of a class."""

    type: str
    docs: str


def attributes(kind: type) -> dict[str, Attribute]:
    """The annotated attributes of a class that have a docstring: its own first, then shared arguments."""
    shared = (base for base in SHARED if base is not kind and {*base.__annotations__} <= {*kind.__annotations__})
    own = _own_attributes(kind)
    inherited = {name: each for base in shared for name, each in _own_attributes(base).items() if name not in own}
    return {**own, **inherited}


def _own_attributes(kind: type) -> dict[str, Attribute]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    assert isinstance(tree, ast.ClassDef)
    return {
        field.target.id: Attribute(ast.unparse(field.annotation), " ".join(docs.value.value.split()))
        for field, docs in zip(tree.body, tree.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(docs, ast.Expr)
        and isinstance(docs.value, ast.Constant)
        and isinstance(docs.value.value, str)
    }


def _sections(shape: Shape, path: str = "") -> Iterator[Section]:
    """The sections of a stack file, parents first."""
    fields, below = [], []
    for key in shape.keys:
        child = shape.child(key)
        assert child is not None
        place = f"{path}.{key}" if path else key
        allowed = child.allowed() or ""
        if (section := _section_of(child, place)) is not None:
            below.append(section)
            allowed = f"see [`{section[1]}`](#{re.sub(r'[^a-z0-9]', '', section[1].lower())})"
        fields.append(Field(key, _line(child.node["description"]), _line(allowed), _default(shape, key, place)))
    yield Section(path or "mlplatform:platform", _line(shape.node["description"]), tuple(fields))
    for each, place in below:
        yield from _sections(each, place)


def _section_of(shape: Shape, place: str) -> tuple[Shape, str] | None:
    """The section for a place: a model, or the entries of a mapping with free names."""
    if shape.keys:
        return shape, place
    entry = shape.child("<name>")
    return (entry, f"{place}.<name>") if entry is not None and entry.keys else None


def _default(shape: Shape, key: str, place: str) -> str:
    if key in shape.node.get("required", ()):
        return "required"
    default = shape.default(key)
    own = "" if isinstance(default, dict) and default else f"`{_yaml(default)}`"
    wanted = re.sub(r"<name>", "*", place)
    profiles = [f"{profile}: `{_yaml(paths[wanted])}`" for profile, paths in PROFILES.items() if wanted in paths]
    return "; ".join(filter(None, [own, *profiles]))


def _yaml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "none"
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)


def _components() -> Iterator[Section]:
    for name in mlplatform.__all__:
        kind = getattr(mlplatform, name)
        if not (isinstance(kind, type) and issubclass(kind, Component)):
            continue
        args = getattr(mlplatform, f"{name}Args")
        fields = tuple(
            Field(arg, _line(each.docs), _type(each.type), "required" if arg in args.__required_keys__ else "")
            for arg, each in attributes(args).items()
        )
        outputs = tuple(Field(output, _line(each.docs)) for output, each in attributes(kind).items())
        yield Section(name, inspect.cleandoc(kind.__doc__ or ""), fields, outputs)


def _failures() -> Iterator[Mapping[str, str]]:
    for advice in failures.advices():
        codes = ", ".join(f"`{code}`" for code in advice.codes)
        # Several meanings of a code are distinguished by AWS's message.
        if advice.says:
            codes += f" ({advice.says.replace('|', ', ')})"
        fields = {
            f"`{places()[component].replace('{name}', '*')}{f'.{each}' if each else ''}`"
            for component, below in advice.fields.items()
            for each in below or [""]
        }
        yield {
            "codes": codes,
            "means": _line(advice.means),
            "remedy": _line(advice.remedy.format(quotas="the vCPUs below")),
            "fields": ", ".join(sorted(fields)),
        }


def _costs() -> Mapping[str, Any]:
    prices = book.load()
    return {
        "stale_days": book.STALE_DAYS,
        "month_hours": book.MONTH_HOURS,
        # The number of stale prices depends on the current date, so the page contains only dates.
        "coverage": show.coverage(prices, datetime.date.min),
        "items": show.listed(prices),
        "sources": sorted(prices.sources.values(), key=lambda source: source.title.lower()),
    }


def _type(annotation: str) -> str:
    """A type as shown on a page: `Input[str]`, `GpuNodePoolSpec`."""
    return re.sub(r"^NotRequired\[(.*?)( \| None)?\]$", r"\1", annotation).replace("pulumi.", "")


def _line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def write(folder: Path, made: Mapping[str, str]) -> None:
    """Write pages into a folder."""
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]), pages())
