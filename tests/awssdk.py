"""The resource types of the Pulumi AWS SDK, read from its files. Importing all modules would take minutes."""

import importlib.util
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_PROPERTY = re.compile(r'getter\(name="(\w+)"\)|^    def (\w+)\(self\)', re.M)


@cache
def properties() -> Mapping[str, frozenset[str]]:
    """The names of every type's inputs and outputs, by token."""
    folder = Path(str(importlib.util.find_spec("pulumi_aws").origin)).parent  # type: ignore[union-attr] - the package is installed
    found = re.search(r'resource_modules="""(.*?)"""', (folder / "__init__.py").read_text(), re.DOTALL)
    assert found
    classes = {
        (path.parent.name, name): text
        for path in folder.rglob("*.py")
        for text in [path.read_text()]
        for name in re.findall(r"^class (\w+)\(pulumi\.CustomResource\)", text, re.M)
    }
    return {
        token: frozenset(one or other for one, other in _PROPERTY.findall(classes[module["fqn"].split(".")[-1], name]))
        for module in json.loads(found[1])
        for token, name in module["classes"].items()
    }


def root(path: str) -> str:
    """The property at the start of a path."""
    return re.split(r"[.\[]", path)[0]
