"""How the tables of this package are read."""

from importlib.resources import files
from typing import Any

import yaml


def rows(name: str) -> Any:
    """The content of a table of this package, e.g. `openings.yaml`."""
    # The parser in C takes a tenth of the time; some builds of PyYAML lack it.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load((files("mlpctl.review") / name).read_text(encoding="utf-8"), loader)
