"""How the tables of this package are read."""

from importlib.resources import files
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict


class Row(BaseModel):
    """A row of a table; what the model does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def table(name: str) -> Any:
    """The content of a YAML file of this package, e.g. `quotas.yaml`."""
    return yaml.load((files("awsfacts") / name).read_text(encoding="utf-8"), Loader=_LOADER)


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
