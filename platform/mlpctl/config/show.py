"""Lists every value of a stack's config and its origin."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from rich.table import Table
from rich.text import Text

from mlpctl.config.problems import HIDDEN, Keys, dotted, looks_secret
from mlpctl.config.stack_file import Loaded
from mlpctl.config.validation import ModelT
from mlpctl.keys import REGION
from mlpctl.text import visible


@dataclass(frozen=True)
class Row:
    """One effective value."""

    path: str
    """Its path, e.g. `gpuPools.inference.maxNodes`."""

    value: str
    """The value on one line, as in YAML; hidden if its name looks like the name of a secret."""

    origin: str
    """Its origin: `file:31`, `profile prod` or `default`."""


def show(loaded: Loaded[ModelT]) -> list[Row]:
    """List every effective value in the model's order, starting with the region. A list of scalars is one value."""
    values = loaded.platform.model_dump(mode="json", by_alias=True)
    leaves = [((REGION,), loaded.region), *_leaves(values, ())]
    return [Row(dotted(path), _written(value, path), _origin(loaded, path)) for path, value in leaves]


def show_table(rows: Iterable[Row]) -> Table:
    """Format rows as a table for a terminal."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("Setting", "Value", "From"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "Setting")
    for row in rows:
        style = "dim" if row.origin == "default" else ""
        table.add_row(*(Text(visible(cell), style=style) for cell in (row.path, row.value, row.origin)))
    return table


def _leaves(value: Any, path: Keys) -> Iterator[tuple[Keys, Any]]:
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from _leaves(each, (*path, key))
    elif isinstance(value, list) and any(isinstance(each, dict | list) for each in value):
        for index, each in enumerate(value):
            yield from _leaves(each, (*path, index))
    else:
        yield path, value


def _origin(loaded: Loaded[ModelT], path: Keys) -> str:
    if path in loaded.lines:
        return f"file:{loaded.lines[path]}"
    from_profile = any(path[:size] in loaded.from_profile for size in range(1, len(path) + 1))
    return f"profile {loaded.profile}" if from_profile else "default"


def _written(value: Any, path: Keys) -> str:
    if isinstance(value, str) and value:
        return HIDDEN if looks_secret(value, path) else value
    return json.dumps(value, ensure_ascii=False)
