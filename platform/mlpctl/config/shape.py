"""What a model allows at a path, according to the JSON schema that pydantic generates from it."""

import copy
from functools import lru_cache
from typing import Any

from pydantic import BaseModel

from mlpctl.config.problems import Keys, shown
from mlpctl.text import any_of, plural

Json = dict[str, Any]

_ARTICLES = {
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "array": "a list",
    "object": "a mapping",
}
_FORMATS = {
    "ipv4network": "an IPv4 range such as 10.0.0.0/16",
    "ipv6network": "an IPv6 range such as fd00::/48",
    "ipv4": "an IPv4 address such as 10.0.0.1",
    "ipv6": "an IPv6 address such as fd00::1",
    "date": "a date such as 2030-01-31, in quotes",
    "date-time": "a time such as 2030-01-31T12:00:00Z, in quotes",
    "duration": "a duration such as PT30M",
    "uri": "a URL",
    "email": "an e-mail address",
}


class Shape:
    """The JSON schema at one path of a model, with its references resolved."""

    def __init__(self, node: Json, definitions: Json) -> None:
        """Resolve a schema node with the definitions that it may refer to."""
        self._definitions = definitions
        self.optional = False
        """Whether null is allowed here."""
        self.node = self._resolved(node)
        """The schema of a value here that is not null."""

    @classmethod
    def of(cls, model: type[BaseModel]) -> "Shape":
        """The shape of a whole model, with keys spelled as in YAML."""
        schema = _schema(model)
        return cls(schema, schema.get("$defs", {}))

    def _resolved(self, node: Json) -> Json:
        while True:
            if "$ref" in node:
                rest = {key: value for key, value in node.items() if key != "$ref"}
                node = self._definitions[node["$ref"].removeprefix("#/$defs/")] | rest
            elif len(node.get("anyOf", ())) == 2 and {"type": "null"} in node["anyOf"]:
                self.optional = True
                (other,) = (choice for choice in node["anyOf"] if choice != {"type": "null"})
                node = other | {key: value for key, value in node.items() if key != "anyOf"}
            else:
                return node

    @property
    def keys(self) -> list[str]:
        """The keys of a model, in its order; empty for a mapping with arbitrary names."""
        return list(self.node.get("properties", {}))

    def child(self, key: str | int) -> "Shape | None":
        """The shape of a key or list index; None if it is not allowed."""
        node = self.node
        if isinstance(key, int):
            fixed = node.get("prefixItems", ())
            below = fixed[key] if key < len(fixed) else node.get("items")
        else:
            free = [node.get("additionalProperties"), *node.get("patternProperties", {}).values()]
            below = node.get("properties", {}).get(key) or next((each for each in free if isinstance(each, dict)), None)
        return Shape(below, self._definitions) if isinstance(below, dict) else None

    def deeper(self, key: str) -> str | None:
        """The path of a key in a section of this shape; None if no section or several sections have it."""
        found = [f"{name}.{key}" for name in self.keys if (below := self.child(name)) and key in below.keys]
        return found[0] if len(found) == 1 else None

    def at(self, path: Keys) -> "Shape | None":
        """The shape at a path; None if the path is not allowed."""
        here: Shape | None = self
        for key in path:
            here = here.child(key) if here else None
        return here

    def default(self, key: str) -> Any:
        """A copy of the default of a key; None if it has no default."""
        child = self.child(key)
        if child is None or key in self.node.get("required", ()):
            return None
        if "default" in child.node:
            return copy.deepcopy(child.node["default"])
        return {} if child.node.get("type") == "object" and not child.optional else None

    def kind(self) -> str:
        """The type of the allowed values without their limits, e.g. `a whole number`."""
        if "enum" in self.node or "const" in self.node:
            return ""
        if self.keys:
            return f"a mapping (keys: {', '.join(self.keys)})"
        return _FORMATS.get(self.node.get("format", ""), _ARTICLES.get(self.node.get("type", ""), ""))

    def limits(self) -> str:
        """Which values of that type are allowed, e.g. `1 to 500`; empty if all are."""
        node = self.node
        if words := self.words():
            return any_of(words)
        like = "in the format" if "pattern" in node else "such as"
        parts = [
            _range(node.get("minimum"), node.get("maximum")),
            _range(node.get("minLength"), node.get("maxLength"), "character"),
            _range(node.get("minItems"), node.get("maxItems"), "entry"),
            _range(node.get("minProperties"), node.get("maxProperties"), "entry"),
            f"more than {node['exclusiveMinimum']}" if "exclusiveMinimum" in node else "",
            f"less than {node['exclusiveMaximum']}" if "exclusiveMaximum" in node else "",
            f"a multiple of {node['multipleOf']}" if "multipleOf" in node else "",
            # Examples are easier to read than a pattern.
            f"matching {node['pattern']}" if "pattern" in node and "examples" not in node else "",
            f"{like} {any_of([shown(value) for value in node['examples']])}" if "examples" in node else "",
        ]
        return ", ".join(filter(None, parts))

    def words(self) -> list[str]:
        """The values of an enumeration."""
        values = self.node.get("enum", [self.node["const"]] if "const" in self.node else [])
        return [value if isinstance(value, str) and value else shown(value) for value in values]

    def allowed(self, instead_of: Any = None) -> str | None:
        """What is allowed here, e.g. `a whole number, 1 to 500`; `text in quotes` instead of a number."""
        kind = "text in quotes" if self.kind() == "text" and isinstance(instead_of, int | float) else self.kind()
        text = ", ".join(filter(None, [kind, self.limits()]))
        return (text + (", or null" if self.optional else "")) or None

    def names(self) -> str | None:
        """Which names a mapping with arbitrary names allows."""
        parts = Shape({"type": "string"} | self.node.get("propertyNames", {}), self._definitions).limits()
        patterns = [f"matching {pattern}" for pattern in self.node.get("patternProperties", {})]
        return ", ".join(filter(None, [parts, *patterns])) or None


@lru_cache(maxsize=8)
def _schema(model: type[BaseModel]) -> Json:
    return model.model_json_schema(by_alias=True, mode="validation")


def _range(low: float | None, high: float | None, noun: str = "") -> str:
    if low is None and high is None:
        return ""
    most = plural(int(high if high is not None else low or 0), noun) if noun else ""
    text = f"at most {high}" if low is None else f"at least {low}" if high is None else f"{low} to {high}"
    return f"{low if low == high else text} {most}".strip()
