"""Redacts secrets in YAML texts in place, so that layout and comments are preserved."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import yaml

from awsfacts.tables import LOADER
from mlpctl.review.redact import written
from mlpctl.review.redact.masks import DEEPEST
from mlpctl.review.redact.places import VALUES, Place, paired, place_of
from mlpctl.review.values.plain import HIDDEN, Masked, Secret, Value

YAML_LEVELS: Final = 1_000
"""Maximum depth of YAML that is searched; the stack has room for about ten times as much."""

YAML_CHARACTERS: Final = 512 * 1024
"""Maximum length of a text that is parsed as YAML, which takes about a second; longer ones are searched by line."""

_LOOKS_YAML: Final = re.compile(r"""(?m)^[ \t]*(?:- +)?["']?[A-Za-z_][\w./-]{0,128}["']?:(?:[ \t]|\r?$)""")

Look = Callable[[str, Place], Value]
"""Redacts the secrets of a text at a place."""


def looks_yaml(text: str) -> bool:
    """Whether a text may be YAML."""
    return "\n" in text and _LOOKS_YAML.search(text) is not None


def struck(text: str, place: Place, look: Look) -> str:
    """Redact the secrets of a YAML text, preserving its layout and comments."""
    if len(text) > YAML_CHARACTERS:
        return text
    try:
        if _too_deep(text):
            return HIDDEN
        nodes = [each for each in yaml.compose_all(text, Loader=LOADER) if each is not None]
    except (yaml.YAMLError, RecursionError, ValueError):
        return text
    spans: list[tuple[int, int]] = []
    seen: set[tuple[int, bool]] = set()
    start = Place(nested=place.nested + 1)
    for node in nodes:
        if not isinstance(node, yaml.ScalarNode):
            _node(node, start, spans, seen, look)
    parts: list[str] = []
    done = 0
    for first, last in sorted(spans):
        if first >= done:
            kept = text[first:last]
            parts += (text[done:first], HIDDEN, kept[len(kept.rstrip()) :])
            done = last
    return "".join(parts) + text[done:]


def _node(node: Any, place: Place, spans: list[tuple[int, int]], seen: set[tuple[int, bool]], look: Look) -> None:
    """Find the spans of the secrets below a YAML node; a node with an anchor is searched once per kind of place."""
    if (id(node), bool(place.why)) in seen:
        return
    seen.add((id(node), bool(place.why)))
    if isinstance(node, yaml.ScalarNode):
        if place.why or len(node.value) >= 16:
            shown = look(node.value, place)
            if isinstance(shown, (Secret, Masked)):
                spans.append((node.start_mark.index, node.end_mark.index))
    elif place.depth >= DEEPEST:
        spans.append((node.start_mark.index, node.end_mark.index))
    elif isinstance(node, yaml.SequenceNode):
        for each in node.value:
            _node(each, place.below(), spans, seen, look)
    else:
        plain = {key.value: _scalar(each) for key, each in node.value if isinstance(key, yaml.ScalarNode)}
        place = place.below()
        if plain.get("kind") == "Secret":
            place = replace(place, properties=place.properties | {"data", "stringData"})
        name_beside = paired(plain)
        file = written.of_file(plain)
        for key, each in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            here = place_of(name, plain.get(name), place)
            if name_beside and name in VALUES:
                here = place_of(name_beside, plain.get(name), here)
            if (file and name in written.CONTENTS) or written.is_file(name, plain.get(name)):
                here = replace(here, why="file of a secret", wholly=True)
            _node(each, here, spans, seen, look)


def _too_deep(text: str) -> bool:
    """Whether YAML is nested so deeply that libyaml, which uses the stack for each level, would crash the process."""
    depth = 0
    # Each level needs at least one character.
    for event in yaml.parse(text, Loader=LOADER) if len(text) > YAML_LEVELS else ():
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > YAML_LEVELS:
            return True
    return False


def _scalar(node: Any) -> Any:
    return node.value if isinstance(node, yaml.ScalarNode) else None
