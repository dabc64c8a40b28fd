"""Read YAML tables that are part of a package."""

from collections.abc import Iterator
from importlib.resources import files
from typing import Any, Final

import yaml
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The safe loader in C if this build of PyYAML has it; it is ten times faster."""


class Row(BaseModel):
    """A row of a table. Unknown fields are an error. Field names are in camel case in YAML."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, alias_generator=to_camel, validate_by_name=True
    )


def read_tables(name: str, package: str = "awsfacts") -> Iterator[Any]:
    """The content of a YAML file, or of each file in a folder, in the order of their names.

    Args:
        name: the path without `.yaml`, e.g. `types/ec2`.
        package: the package that has it.

    Raises:
        FileNotFoundError: the package has neither.
    """
    folder = files(package) / name
    if not folder.is_dir():
        yield read_table(f"{name}.yaml", package)
        return
    for each in sorted(each.name for each in folder.iterdir() if each.name.endswith(".yaml")):
        yield read_table(f"{name}/{each}", package)


def read_table(name: str, package: str = "awsfacts") -> Any:
    """The content of a YAML file in a package, e.g. `quotas.yaml`.

    Raises:
        FileNotFoundError: the package has no such file.
    """
    return yaml.load((files(package) / name).read_text(encoding="utf-8"), Loader=LOADER)
