"""How the tables of this package are read."""

from importlib.resources import files
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Row(BaseModel):
    """A row of a table; a field that the model does not define is an error. Names are in camel case in YAML."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, alias_generator=to_camel, validate_by_name=True
    )


def table(name: str) -> Any:
    """The content of a YAML file of this package, e.g. `quotas.yaml`.

    Raises:
        FileNotFoundError: the package has no such file.
    """
    return yaml.load((files("awsfacts") / name).read_text(encoding="utf-8"), Loader=_LOADER)


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the parser in C is ten times as fast; some builds lack it
