"""How tables in YAML that lie in a package are read."""

from importlib.resources import files
from typing import Any, Final

import yaml
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The safe loader in C where this build of PyYAML has it: it takes a tenth of the time."""


class Row(BaseModel):
    """A row of a table; a field that the model does not define is an error. Names are in camel case in YAML."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, alias_generator=to_camel, validate_by_name=True
    )


def read_table(name: str, package: str = "awsfacts") -> Any:
    """The content of a YAML file of a package, by default of this one, e.g. `quotas.yaml`.

    Raises:
        FileNotFoundError: the package has no such file.
    """
    return yaml.load((files(package) / name).read_text(encoding="utf-8"), Loader=LOADER)
