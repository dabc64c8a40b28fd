"""Secrets out of a plan while it is read: by Pulumi's marks, by name and by pattern. No later code ever holds one.

What is looked for is data: `secrets.yaml`. A text is looked through inside too: JSON, YAML and base64 (gzip too) in it.
What was hidden once by a mark or a name, and is long enough to be told from a word, is struck out elsewhere too.
"""

import base64
import binascii
import functools
import hashlib
import json
import os
import re
import zlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote

import yaml

from awsfacts.tables import LOADER
from mlpctl.review import marks, signs
from mlpctl.review.values import HIDDEN, UNKNOWN, Masked, Secret, Value, document

SHORTEST: Final = 6
"""Characters from which a text is looked through; a shorter one is hidden by its name alone."""

DEEPEST: Final = 64
"""Levels of mappings and lists that are looked through; what is below is hidden."""

NESTED: Final = 8
"""Levels of text inside text that are looked through; what is below is hidden."""

YAML_LEVELS: Final = 1_000
"""Levels of YAML that are looked through; the stack has room for some ten times as many."""

YAML_CHARACTERS: Final = 512 * 1024
"""Longest text that is read as YAML, which takes about a second; a longer one is looked through line by line."""

UNZIPPED_BYTES: Final = 4 * 1024 * 1024
"""What is read of compressed data; user data has at most 16 KiB before base64."""

_DEFAULTS: Final = "__defaults"
"""A provider's note of which inputs are its defaults."""

_CODE: Final = "__provider"
"""A dynamic provider's code, with all that it closes over."""

_COPIES: Final = {"tagsAll": "tags", "pulumiLabels": "labels", "effectiveLabels": "labels"}
"""Inputs that providers copy from others; a copy may have lost the mark of what is secret."""

_KEY: Final = os.urandom(32)
_NAMES: Final = (
    "name",
    "Name",
    "key",
    "Key",
    "k",
    "variable",
    "header",
    "parameterKey",
    "ParameterKey",
    "parameterName",
)
_VALUES: Final = ("value", "Value", "v", "stringValue", "defaultValue", "parameterValue", "ParameterValue", "content")

_ASSIGNED: Final = re.compile(
    r"""(?<![\w.-])(?P<name>[\w.-]{2,64})(?:\\{0,3}["'])?[ \t]{0,4}(?P<sign>:?=>?|:)[ \t]{0,4}"""
)
"""A name to which something is assigned."""

_VALUE: Final = re.compile(
    r"""(?P<quote>"{3}|'{3}|\\{0,3}["'])(?P<quoted>(?<="{3})(?s:.{1,4096}?)|(?<='{3})(?s:.{1,4096}?)|.{1,4096}?)(?P=quote)"""
    r"""|<<[-~]?["']?(?P<end>\w{1,64})["']?\n(?P<here>(?s:.{1,4096}?))\n[ \t]{0,64}(?P=end)\b"""
    r"""|["']?(?P<bare>[^\s"'`;&<>{\[\\][^\s"'`;&<>]{0,4096})"""
)
"""What is assigned: in quotes, as a document that stands there, or bare."""

_GIVEN: Final = (
    re.compile(
        r"""(?<![\w-])(?:--?|(?:ENV|ARG)[ \t]{1,8})(?P<name>[\w.-]{2,64})[ \t]{1,3}["']?"""
        r"""(?P<bare>[^\s"'=-][^\s"']{0,4096})"""
    ),
    re.compile(r"<(?P<name>[\w.:-]{2,64})>(?P<bare>[^<>]{1,4096})</"),
    re.compile(
        r"""\b(?:key|name)=["'](?P<name>[\w.:-]{2,64})["'][^<>"']{1,8}value=["'](?P<bare>[^"'<>]{1,4096})""",
        re.IGNORECASE,
    ),
)
"""A flag and its value or a Dockerfile's variable; an element of XML; a name and a value as attributes of one."""

_ENCODED: Final = re.compile(
    r"(?P<public>-----BEGIN (?![A-Z0-9 ]{0,40}PRIVATE)[A-Z0-9 ]{1,60}-----[^-]*-----END)"
    r"|(?:[A-Za-z0-9+/]{40,128}\r?\n[ \t]{0,16})+[A-Za-z0-9+/]{1,128}={0,2}|[A-Za-z0-9+/_-]{16,}={0,2}"
)
"""A public key or certificate, base64 on several lines, base64 on one."""

LONGEST_COMMAND: Final = 65_536
"""Characters of a list of words that are looked through as one command."""

_WORD_END: Final = "\v"
"""What stands between the words of a command while they are looked through: white space that no word has."""

_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SURROGATES: Final = re.compile(r"[\ud800-\udfff]")
_LOOKS_YAML: Final = re.compile(r"""(?m)^[ \t]*(?:- +)?["']?[A-Za-z_][\w./-]{0,128}["']?:(?:[ \t]|\r?$)""")
_BLOCKS: Final = ("|", ">", "|-", ">-", "|+", ">+")
_TOLD_BY_CONTEXT: Final = ("password of a URL", "password", "authorization")
"""Patterns whose secret is known by what stands around it; elsewhere only the literal tells it."""

_DIGESTS: Final = frozenset(
    {"hash", "sha", "sha256", "digest", "checksum", "fingerprint", "thumbprint", "etag", "integrity"}
)


@dataclass(frozen=True)
class _Place:
    """Where a value stands."""

    why: str = ""
    """Why it is a secret by what stands above it; empty where it is none."""

    wholly: bool = False
    """Whether all of it is secret, harmless names too."""

    properties: frozenset[str] = frozenset()
    """Names below that are secret by the resource's type."""

    beside: bool = False
    """Whether a value beside a name is secret, though the names above it are none of a secret's."""

    digest: bool = False
    """Whether a value that looks random is a digest here."""

    depth: int = 0
    nested: int = 0

    def below(self) -> "_Place":
        return replace(self, depth=self.depth + 1)


def scrub(text: str) -> str:
    """A free text without the secrets that it holds by name or by pattern."""
    return Redactor().text(text)


class Redactor:
    """Takes the secrets out of one plan."""

    def __init__(self, literals: Collection[str] = ()) -> None:
        """Strike out these literals too, wherever they stand."""
        self.found: set[str] = set()
        """Secrets found by a mark or a name that are long enough to be looked for everywhere."""

        self._literals = _literals(literals)
        self._seen: dict[tuple[str, bool, int], str | Secret] = {}

    def inputs(
        self,
        values: Mapping[str, Any],
        *,
        kind: str = "",
        hidden: Collection[str] = (),
        twin: Mapping[str, Any] | None = None,
    ) -> dict[str, Value]:
        """Inputs of a resource of a type, without secrets.

        `hidden` are names that Pulumi says are secret. `twin` are the same resource's inputs before or after: what is
        secret there is secret here.
        """
        place = _Place(properties=signs.properties(kind, values), beside=signs.type_of_secret(kind))
        shown = self._mapping(values, place, _with_copies(values, twin or {}))
        for key, each in values.items():
            if key in hidden and key in shown and each is not None and not marks.unknown(each):
                shown[key] = self._hide(each, "secret")
        return shown

    def value(self, value: Any, name: str = "") -> Value:
        """A value under a name, without secrets."""
        return self._value(value, self._place(name, value, _Place()), None)

    def text(self, text: str) -> str:
        """A free text without secrets."""
        return str(self._text(text, _Place()))

    def _value(self, value: Any, place: _Place, twin: Any) -> Value:
        if marks.secret(twin) and not marks.secret(value) and value not in (None, "") and not marks.unknown(value):
            return self._hide(value, "secret")
        if isinstance(value, str):
            return self._string(value, place)
        if isinstance(value, (dict, list)):
            if place.depth >= DEEPEST:
                return Secret("too deep to look through", _digest(value))
            if isinstance(value, list):
                return self._list(value, place.below(), twin)
            if isinstance(value.get(marks.SIGNATURE), str):
                return self._signed(value, place)
            return self._mapping(value, place.below(), twin)
        if place.why and value is not None and not isinstance(value, bool):
            return Secret(place.why, _digest(value))
        return value

    def _mapping(self, values: Mapping[str, Any], place: _Place, twin: Any) -> dict[str, Value]:
        if values.get("kind") == "Secret" and str(values.get("apiVersion", "v1")) == "v1":
            place = replace(place, properties=place.properties | {"data", "stringData"})
        before = twin if isinstance(twin, dict) else {}
        paired = _paired(values)
        flagged = place.beside or signs.flagged(values)
        result: dict[str, Value] = {}
        for key, each in values.items():
            if key == _DEFAULTS:
                continue
            shown = self._name(key)
            while shown in result:
                shown += "'"
            if key == _CODE:
                result[shown] = self._hide(each, "code of a dynamic provider")
                continue
            here = self._place(key, each, place)
            if paired and key in _VALUES:
                here = self._place(paired, each, here)
            if flagged and isinstance(each, (str, int, float)) and signs.names_value(key):
                here = replace(here, why=here.why or "secret by what stands beside it")
            result[shown] = self._value(each, here, before.get(key))
        return result

    def _place(self, key: str, value: Any, place: _Place) -> _Place:
        """Where a value under this name stands."""
        if place.wholly:
            return place
        if key in place.properties:
            return replace(place, why="secret by type", wholly=True)
        if isinstance(value, (dict, list)) and not place.beside and signs.holds_secrets(key):
            place = replace(place, beside=True)
        words = [each.lower() for each in signs.WORDS.findall(key)]
        digest = bool(words) and words[-1] in _DIGESTS
        if place.why:
            return replace(place, why="" if signs.harmless(key) else place.why, digest=digest)
        sure = signs.named_secret(key)
        if sure == "always" and not (isinstance(value, (int, float)) and "token" in words):
            return replace(place, why="key name", digest=digest)
        if sure == "perhaps" and isinstance(value, str) and len(value) >= 12 and not value.isupper():
            return replace(place, why="key name", digest=digest)
        return replace(place, digest=digest) if digest != place.digest else place

    def _list(self, values: list[Any], place: _Place, twin: Any) -> list[Value]:
        before = twin if isinstance(twin, list) else []
        struck = self._words(values)
        byname = {each["name"]: each for each in before if isinstance(each, dict) and isinstance(each.get("name"), str)}
        result: list[Value] = []
        flag = False
        for number, each in enumerate(values):
            other = before[number] if number < len(before) else None
            if isinstance(each, dict) and isinstance(each.get("name"), str):
                other = byname.get(each["name"])
            here = (
                replace(place, why="key name") if flag and isinstance(each, str) and not each.startswith("-") else place
            )
            result.append(struck[number] if number in struck else self._value(each, here, other))
            flag = isinstance(each, str) and each.startswith("-") and "=" not in each and bool(signs.named_secret(each))
        return result

    def _words(self, values: list[Any]) -> dict[int, Value]:
        """Words of a command that hold a secret which only the command gives away, `mysql -pSECRET`, by position."""
        if len(values) < 2 or not all(isinstance(each, str) and _WORD_END not in each for each in values):
            return {}
        line = _WORD_END.join(values)
        low, left = line.lower(), line
        for each in signs.rules().patterns:
            if each.command and len(line) <= LONGEST_COMMAND and any(word in low for word in each.has):
                left = each.find.sub(functools.partial(self._strike, each.why), left)
        after = left.split(_WORD_END)
        if left == line or len(after) != len(values):
            return {}
        pairs = enumerate(zip(values, after, strict=True))
        return {number: _masked(old, new, "password") for number, (old, new) in pairs if old != new}

    def _signed(self, value: Mapping[str, Any], place: _Place) -> Value:
        """A value of one of the engine's own kinds."""
        signature = value[marks.SIGNATURE]
        if signature in marks.ASSETS:
            where = self._text(str(value.get("path") or value.get("uri") or ""), place)
            digest = str(value.get("hash") or "")[:12]
            return " ".join(filter(None, (marks.ASSETS[signature], str(where), digest)))
        if signature == marks.REFERENCE:
            return self._text(str(value.get("urn", "")), place)
        if signature == marks.OUTPUT:
            if value.get("secret"):
                return self._hide(value.get("value"), "secret")
            return self._value(value["value"], place.below(), None) if "value" in value else UNKNOWN
        if signature == marks.FLOAT:
            return f"number {value.get('value')}"
        if signature == marks.BYTES:
            return self._string(str(value.get("value")), place)
        if signature == marks.SECRET and isinstance(value.get("plaintext"), str):
            try:
                return self._hide(json.loads(value["plaintext"]), "secret")
            except (ValueError, RecursionError):
                return self._hide(value["plaintext"], "secret")
        return Secret("secret")

    def _string(self, text: str, place: _Place) -> Value:
        if text in marks.UNKNOWNS:
            return UNKNOWN
        if text == marks.BLINDED:
            return Secret("secret")
        if place.why and text and (place.wholly or not signs.rules().references.fullmatch(text)):
            return self._hide(text, place.why)
        return self._text(text, place)

    def _hide(self, value: Any, why: str) -> Secret:
        """Hide a value wholly, and remember what it is made of."""
        if value == marks.BLINDED or (
            isinstance(value, dict) and value.get(marks.SIGNATURE) == marks.SECRET and "plaintext" not in value
        ):
            return Secret("secret")
        for each in _texts(value):
            self._remember(each)
        return Secret(why, _digest(value))

    def _remember(self, text: str) -> None:
        """Look for this secret everywhere, if it can be told from a word; for what it decodes to and its lines too."""
        text = text.strip()
        if signs.tellable(text):
            self.found.add(text)
        plain = _decoded(text) if len(text) < 65536 else None
        for each in {text, plain} if plain else {text}:
            if each is None:
                continue
            if each is not text and signs.tellable(each):
                self.found.add(each)
            # Elsewhere its lines may be indented; a line with blanks may be anyone's.
            lines = [line.strip() for line in each.splitlines()] if "\n" in each else []
            self.found.update(
                line for line in lines if len(line) >= 2 * signs.LITERAL and " " not in line and "-" not in line[:2]
            )
            inside = document(each)
            if inside is not None:
                self._value(inside, _Place(), None)

    def _name(self, key: str) -> str:
        """The key of a mapping, which may be a secret itself."""
        return str(self._text(key, _Place(digest=True)))

    def _text(self, text: str, place: _Place) -> str | Secret:
        """A text with its secret parts struck out; all of it hidden where nothing else is left."""
        if len(text) < SHORTEST and text.isascii():
            return text
        memo = (text, place.digest, place.nested)
        if (known := self._seen.get(memo)) is not None:
            return known
        clean = _SURROGATES.sub("\ufffd", text)
        left, why = self._struck(clean, place)
        result: str | Secret = text if left == text else left
        if left != clean:
            result = _masked(text, left, why)
        self._seen[memo] = result
        return result

    def _struck(self, text: str, place: _Place) -> tuple[str, str]:
        """A text with its secret parts struck out, and what gave the last of them away."""
        if place.nested >= NESTED:
            return HIDDEN, "too deep to look through"
        why = ""
        inside = document(text)
        if inside is not None:
            shown = self._value(inside, _Place(nested=place.nested + 1), None)
            return (_dumped(shown, like=text) if _altered(inside, shown) else text), "secret in JSON"
        if self._literals is not None and (left := self._literals.sub(HIDDEN, text)) != text:
            text, why = left, "secret elsewhere"
        lower = text.lower()
        for pattern in signs.rules().patterns:
            if any(each in lower for each in pattern.has):
                left = pattern.find.sub(functools.partial(self._strike, pattern.why), text)
                if left != text:
                    text, why = left, pattern.why
        if signs.STEMS.search(lower):
            left = self._yaml(text, place) if "\n" in text and _LOOKS_YAML.search(text) else text
            left = self._assignments(left) if "=" in text or ":" in text else left
            for given in _GIVEN:
                left = given.sub(self._given, left)
            text, why = left, why if left == text else "key name"
        left = self._encoded(text, place)
        return left, why if left == text else "in base64 or random"

    def _strike(self, why: str, match: re.Match[str]) -> str:
        """Strike out a match of a pattern, or its secret part."""
        if "secret" not in match.re.groupindex:
            return HIDDEN
        secret = match["secret"]
        if secret in (HIDDEN, marks.BLINDED) or signs.rules().references.fullmatch(secret):
            return match[0]
        if why in _TOLD_BY_CONTEXT:
            self._remember(secret)
        start, end = (each - match.start() for each in match.span("secret"))
        return match[0][:start] + HIDDEN + match[0][end:]

    def _assignments(self, text: str) -> str:
        """Strike out what is assigned to a secret's name: `password=x`, `"token": "x"`, `export API_KEY='x'`."""
        parts: list[str] = []
        done = 0
        for match in _ASSIGNED.finditer(text):
            sure = signs.named_secret(match["name"])
            # After another colon a name is a part of an ARN or a reference: `arn:aws:secretsmanager:…:secret:…`.
            inner = match["sign"] == ":" and text[match.start() - 1 : match.start()] in (":", "/")
            found = _VALUE.match(text, match.end()) if sure and not inner and match.start() >= done else None
            if found is None:
                continue
            group = next(each for each in ("quoted", "here", "bare") if found[each] is not None)
            value = found[group] if group != "bare" else found[group].rstrip(",)]}")
            if not value or HIDDEN in found[group]:
                continue
            if found[group].startswith(("${", "$(")) or not _assigned(value, sure, match["sign"], group):
                continue
            start = found.start(group)
            end = start + len(value)
            if group == "bare" and value in _BLOCKS:
                start, end = _block(text, match.start(), end)
            elif match["sign"] != ":" or group != "bare":
                self._remember(value)
            if end > start:
                parts += (text[done:start], HIDDEN)
                done = end
        return "".join(parts) + text[done:] if parts else text

    def _given(self, match: re.Match[str]) -> str:
        """Strike out the value beside a secret's name."""
        value = match["bare"]
        sure = signs.named_secret(match["name"])
        if sure != "always" or HIDDEN in value or signs.rules().references.fullmatch(value):
            return match[0]
        self._remember(value)
        start = match.start("bare") - match.start()
        return match[0][:start] + HIDDEN + match[0][start + len(value) :]

    def _yaml(self, text: str, place: _Place) -> str:
        """Strike out the secrets of a text that is YAML, and leave its layout and comments."""
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
        start = _Place(nested=place.nested + 1)
        for node in nodes:
            if not isinstance(node, yaml.ScalarNode):
                self._node(node, start, spans, seen)
        parts: list[str] = []
        done = 0
        for first, last in sorted(spans):
            if first >= done:
                kept = text[first:last]
                parts += (text[done:first], HIDDEN, kept[len(kept.rstrip()) :])
                done = last
        return "".join(parts) + text[done:]

    def _node(self, node: Any, place: _Place, spans: list[tuple[int, int]], seen: set[tuple[int, bool]]) -> None:
        """Find the spans of the secrets below a node of YAML; an anchor's node is looked at once in either light."""
        if (id(node), bool(place.why)) in seen:
            return
        seen.add((id(node), bool(place.why)))
        if isinstance(node, yaml.ScalarNode):
            if place.why or len(node.value) >= 16:
                shown = self._string(node.value, place)
                if isinstance(shown, (Secret, Masked)):
                    spans.append((node.start_mark.index, node.end_mark.index))
        elif place.depth >= DEEPEST:
            spans.append((node.start_mark.index, node.end_mark.index))
        elif isinstance(node, yaml.SequenceNode):
            for each in node.value:
                self._node(each, place.below(), spans, seen)
        else:
            plain = {key.value: _scalar(each) for key, each in node.value if isinstance(key, yaml.ScalarNode)}
            place = place.below()
            if plain.get("kind") == "Secret":
                place = replace(place, properties=place.properties | {"data", "stringData"})
            paired = _paired(plain)
            for key, each in node.value:
                name = key.value if isinstance(key, yaml.ScalarNode) else ""
                here = self._place(name, plain.get(name), place)
                if paired and name in _VALUES:
                    here = self._place(paired, plain.get(name), here)
                self._node(each, here, spans, seen)

    def _encoded(self, text: str, place: _Place) -> str:
        """Strike out what is secret in base64, and what looks random."""

        def struck(match: re.Match[str]) -> str:
            token = match[0]
            if match["public"] or token.startswith(signs.rules().public):
                return token
            plain = _decoded(token)
            if plain is not None:
                shown = self._text(plain, _Place(nested=place.nested + 1))
                if not isinstance(shown, (Secret, Masked)):
                    return token
                if isinstance(shown, Secret) or token.startswith("H4sI"):
                    return HIDDEN
                return base64.b64encode(shown.encode()).decode()
            return HIDDEN if not place.digest and signs.looks_random(token) else token

        return _ENCODED.sub(struck, text)


def _paired(values: Mapping[str, Any]) -> str:
    """The name that a mapping gives to the value beside it, as lists of environment variables do."""
    if any(key in values for key in _VALUES):
        return next((str(values[key]) for key in _NAMES if isinstance(values.get(key), str)), "")
    return ""


def _with_copies(values: Mapping[str, Any], twin: Mapping[str, Any]) -> dict[str, Any]:
    """A resource's inputs before or after, with the marks of what is copied on the copies too."""
    result = dict(twin)
    for copy, original in _COPIES.items():
        made = dict(twin[copy]) if isinstance(twin.get(copy), dict) else {}
        for each in (values.get(original), twin.get(original)):
            if isinstance(each, dict):
                made |= {key: value for key, value in each.items() if marks.secret(value)}
        if made:
            result[copy] = made
    return result


def _texts(value: Any, depth: int = 0) -> Iterator[str]:
    """Every text of a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)) and depth < DEEPEST:
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each, depth + 1)


def _literals(literals: Collection[str]) -> re.Pattern[str] | None:
    """A pattern for secrets as they are, and as JSON, URLs and base64 write them; grouped by first letter for speed."""
    forms: dict[str, set[str]] = {}
    for each in literals:
        encoded = base64.b64encode(each.encode(errors="surrogatepass")).decode().rstrip("=")
        escaped = json.dumps(each)[1:-1]
        for form in (each, escaped, json.dumps(each, ensure_ascii=False)[1:-1], quote(each, safe="", errors="replace")):
            forms.setdefault(form[0], set()).add(re.escape(form[1:]))
        forms.setdefault(encoded[0], set()).add(re.escape(encoded[1:]) + "={0,2}")
    groups = (
        re.escape(first) + "(?:" + "|".join(sorted(rests, key=lambda rest: (-len(rest), rest))) + ")"
        for first, rests in sorted(forms.items())
    )
    return re.compile("|".join(groups)) if forms else None


def _digest(value: Any) -> bytes:
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
    kind = b"s" if isinstance(value, str) else b"j"
    return hashlib.blake2b(kind + text.encode(errors="surrogatepass"), key=_KEY, digest_size=16).digest()


def _masked(text: str, left: str, why: str) -> Secret | Masked:
    """What is left of a text, or a hidden one where nothing is."""
    mark = _digest(text)
    return Secret(why, mark) if left.strip(" \n\"'") == HIDDEN else Masked(left, mark)


def _altered(before: Any, after: Value) -> bool:
    """Whether something was hidden."""
    if isinstance(after, (Secret, Masked)) or type(before) is not type(after):
        return True
    if isinstance(before, dict):
        return before.keys() != after.keys() or any(_altered(each, after[key]) for key, each in before.items())
    if isinstance(before, list):
        return any(_altered(one, other) for one, other in zip(before, after, strict=True))
    return False


def _dumped(value: Value, like: str) -> str:
    """JSON laid out as another text is."""
    indent = 2 if "\n" in like.strip() else None
    separators = None if indent or '": ' in like else (",", ":")
    return json.dumps(value, indent=indent, separators=separators, ensure_ascii=False, default=str)


def _assigned(value: str, sure: str, sign: str, group: str) -> bool:
    """Whether what is assigned to a secret's name is a secret."""
    if value == marks.BLINDED or value in marks.UNKNOWNS or signs.rules().references.fullmatch(value):
        return False
    if sure == "perhaps" and (len(value) < 12 or value.isupper()):
        return False
    # In prose a colon follows names too: `invalid token: expired`.
    return sign != ":" or group != "bare" or value in _BLOCKS or len(value) >= signs.LITERAL or not value.isalpha()


def _too_deep(text: str) -> bool:
    """Whether YAML is nested so deeply that libyaml, which puts every level on the stack, would end the process."""
    depth = 0
    # Each level takes a character at least.
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


def _block(text: str, name: int, end: int) -> tuple[int, int]:
    """Span of a block of YAML's: the lines that are indented deeper than its name."""
    line = text.rfind("\n", 0, name) + 1
    indent = len(text[line:name]) - len(text[line:name].lstrip(" \t"))
    last = start = end
    while (following := text.find("\n", last)) >= 0:
        stop = text.find("\n", following + 1)
        content = text[following + 1 : stop if stop >= 0 else len(text)]
        if content.strip() and len(content) - len(content.lstrip(" \t")) <= indent:
            break
        last = stop if stop >= 0 else len(text)
        if stop < 0:
            break
    return start, last


def _decoded(token: str) -> str | None:
    """The text that base64 stands for; None where it stands for none."""
    letters = "".join(token.split()).rstrip("=")
    if len(letters) < 8 or len(letters) % 4 == 1:
        return None
    padded = letters + "=" * (-len(letters) % 4)
    try:
        raw = base64.b64decode(padded.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        return None
    if raw[:2] == b"\x1f\x8b":
        try:
            raw = zlib.decompressobj(wbits=31).decompress(raw, UNZIPPED_BYTES)
        except zlib.error:
            return None
    coding = "utf-16-le" if len(raw) > 3 and len(raw) % 2 == 0 and not any(raw[1:16:2]) else "utf-8"
    try:
        text = raw.decode(coding)
    except UnicodeDecodeError:
        return None
    return None if _CONTROLS.search(text) else text
