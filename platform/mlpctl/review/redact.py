"""Secrets out of a plan while it is read: by Pulumi's marks, by name and by pattern, so that no later code ever holds one.

What is looked for is data: `secrets.yaml`. A text is also looked through inside: JSON, YAML and base64 (gzip too) in it, at any
depth. What was hidden once by a mark or a name, and is long enough to be told from a word, is struck out wherever else it stands.
"""

import base64
import binascii
import functools
import hashlib
import itertools
import json
import math
import os
import re
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any, Final
from urllib.parse import quote

import yaml

from mlpctl.review.values import UNKNOWN, Masked, Secret, Value

HIDDEN: Final = "(secret)"
"""What stands in a text for a secret part of it."""

DEEPEST: Final = 64
"""Levels of mappings and lists that are looked through; what is below is hidden."""

NESTED: Final = 8
"""Levels of text inside text that are looked through; what is below is hidden."""

YAML_CHARACTERS: Final = 512 * 1024
"""Longest text that is read as YAML; a longer one is looked through line by line. PyYAML needs about a second for it."""

UNZIPPED_BYTES: Final = 4 * 1024 * 1024
"""What is read of compressed data; user data has at most 16 KiB before base64."""

LITERAL: Final = 8
"""Characters of a secret from which it is struck out wherever it stands."""

# sdk/go/common/resource/sig/sig.go and sdk/go/common/resource/plugin/rpc.go of Pulumi.
SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"
_REFERENCE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
_OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_BYTES: Final = "803fd3297a5875dc03ca845dda5d2a98"
_FLOAT: Final = "8ad145fe-0d11-4827-bfd7-1abcbf086f5c"
_ASSETS: Final = {"c44067f5952c0a294b673a41bacd8c17": "file", "0def7320c3a5731c473e5ecbe6d01bc7": "archive"}
_UNKNOWNS: Final = frozenset(
    {
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)
_ENGINES: Final = "[secret]"
"""What the engine writes for a secret."""

_DEFAULTS: Final = "__defaults"
"""A provider's note of which inputs are its defaults."""

_CODE: Final = "__provider"
"""A dynamic provider's code, with all that it closes over."""

_COPIES: Final = {"tagsAll": "tags", "pulumiLabels": "labels", "effectiveLabels": "labels"}
"""Inputs that providers copy from others; a copy may have lost the mark of what is secret."""

_KEY: Final = os.urandom(32)
_NAMES: Final = ("name", "Name", "key", "Key", "variable")
_VALUES: Final = ("value", "Value", "stringValue", "defaultValue")

_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_ASSIGNED: Final = re.compile(
    r"""(?<![\w.-])(?P<name>[\w.-]{2,64})(?:\\{0,3}["'])?[ \t]{0,4}(?P<sign>:?=>?|:)[ \t]{0,4}"""
    r"""(?:(?P<quote>\\{0,3}["'])(?P<quoted>.{1,4096}?)(?P=quote)|["']?(?P<bare>[^\s"'`;&<>{\[\\][^\s"'`;&<>]{0,4096}))"""
)
_FLAG: Final = re.compile(r"""(?<![\w-])--?(?P<name>[\w.-]{2,64})[ \t]{1,3}["']?(?P<bare>[^\s"'-][^\s"']{0,4096})""")
_ENCODED: Final = re.compile(
    r"(?P<public>-----BEGIN (?![A-Z0-9 ]{0,40}PRIVATE)[A-Z0-9 ]{1,60}-----[^-]*-----END)"
    r"|(?:[A-Za-z0-9+/]{40,128}\r?\n[ \t]{0,16})+[A-Za-z0-9+/]{1,128}={0,2}|[A-Za-z0-9+/_-]{16,}={0,2}"
)
"""A public key or certificate, base64 on several lines, base64 on one."""

_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SURROGATES: Final = re.compile(r"[\ud800-\udfff]")
_LOOKS_YAML: Final = re.compile(r"""(?m)^[ \t]*(?:- +)?["']?[A-Za-z_][\w./-]{0,128}["']?:(?:[ \t]|\r?$)""")
_BLOCKS: Final = ("|", ">", "|-", ">-", "|+", ">+")
_DIGESTS: Final = frozenset(
    {"hash", "sha", "sha256", "digest", "checksum", "fingerprint", "thumbprint", "etag", "integrity"}
)

_YamlLoader: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class _Pattern:
    why: str
    has: tuple[str, ...]
    find: re.Pattern[str]


@dataclass(frozen=True)
class _Kind:
    """Properties that hold a secret by their resource's type."""

    type: re.Pattern[str]
    properties: frozenset[str]
    only: Mapping[str, Value]


@dataclass(frozen=True)
class _Place:
    """Where a value stands."""

    why: str = ""
    """Why it is a secret by what stands above it; empty where it is none."""

    wholly: bool = False
    """Whether all of it is secret, harmless names too."""

    properties: frozenset[str] = frozenset()
    """Names below that are secret by the resource's type."""

    digest: bool = False
    """Whether a value that looks random is a digest here."""

    depth: int = 0
    nested: int = 0

    def below(self) -> "_Place":
        return replace(self, depth=self.depth + 1)


@dataclass(frozen=True)
class _Rules:
    """`secrets.yaml`, ready for use."""

    names: re.Pattern[str]
    perhaps: re.Pattern[str]
    inside: re.Pattern[str]
    harmless: frozenset[str]
    despite: re.Pattern[str]
    switches: frozenset[str]
    pointers: frozenset[str]
    references: re.Pattern[str]
    types: tuple[_Kind, ...]
    patterns: tuple[_Pattern, ...]
    public: tuple[str, ...]


@functools.cache
def _rules() -> _Rules:
    data = yaml.load((files("mlpctl.review") / "secrets.yaml").read_text(encoding="utf-8"), Loader=_YamlLoader)

    def row(phrases: Iterable[str]) -> re.Pattern[str]:
        return re.compile(rf"(?:^| )(?:{'|'.join(phrases)})(?: |$)")

    return _Rules(
        names=row(data["names"]),
        perhaps=row(data["perhaps"]),
        inside=re.compile("|".join(data["inside"])),
        harmless=frozenset(data["harmless"]),
        despite=row(f"{each}$" for each in data["despite"]),
        switches=frozenset(data["switches"]),
        pointers=frozenset(data["pointers"]),
        references=re.compile("|".join(f"(?:{each})" for each in data["references"])),
        types=tuple(
            _Kind(re.compile(each["type"]), frozenset(each["properties"]), each.get("only", {}))
            for each in data["types"]
        ),
        patterns=tuple(
            _Pattern(each["why"], tuple(each["has"]), re.compile(each["pattern"])) for each in data["patterns"]
        ),
        public=tuple(data["public"]),
    )


@functools.lru_cache(maxsize=65536)
def named_secret(name: str) -> str:
    """Whether a name is a secret's: `always`, `perhaps` (its text may be a setting), or empty."""
    rules = _rules()
    last = re.split(r"[/:]", name[:256].rstrip("/:"))[-1]
    words = [each.lower() for each in _WORDS.findall(last)]
    text = " ".join(words)
    found = "always" if rules.names.search(text) or any(map(rules.inside.search, words)) else ""
    found = found or ("perhaps" if rules.perhaps.search(text) else "")
    if not found:
        return ""
    harmless = _singular(words[-1]) in rules.harmless or _singular(" ".join(words[-2:])) in rules.harmless
    if (harmless and not rules.despite.search(text)) or _singular(words[0]) in rules.switches:
        return ""
    return found


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

        `hidden` are names that Pulumi says are secret. `twin` are the same resource's inputs before or after: what is secret
        there is secret here.
        """
        place = _Place(properties=_properties(kind, values))
        shown = self._mapping(values, place, _with_copies(values, twin or {}))
        for key, each in values.items():
            if key in hidden and key in shown and each is not None and not _unknown(each):
                shown[key] = self._hide(each, "secret")
        return shown

    def value(self, value: Any, name: str = "") -> Value:
        """A value under a name, without secrets."""
        return self._mapping({name: value}, _Place(), None).popitem()[1]

    def text(self, text: str) -> str:
        """A free text without secrets."""
        return str(self._text(text, _Place()))

    def _value(self, value: Any, place: _Place, twin: Any) -> Value:
        if _marked(twin) and not _marked(value) and value not in (None, "") and not _unknown(value):
            return self._hide(value, "secret")
        if isinstance(value, str):
            return self._string(value, place)
        if isinstance(value, (dict, list)):
            if place.depth >= DEEPEST:
                return Secret("too deep to look through", _digest(value))
            if isinstance(value, list):
                return self._list(value, place.below(), twin)
            if isinstance(value.get(SIGNATURE), str):
                return self._signed(value, place)
            return self._mapping(value, place.below(), twin)
        if place.why and value is not None and not isinstance(value, bool):
            return Secret(place.why, _digest(value))
        return value

    def _mapping(self, values: Mapping[str, Any], place: _Place, twin: Any) -> dict[str, Value]:
        if place.why and not place.wholly and _points(values):
            place = replace(place, why="")
        if values.get("kind") == "Secret" and str(values.get("apiVersion", "v1")) == "v1":
            place = replace(place, properties=place.properties | {"data", "stringData"})
        before = twin if isinstance(twin, dict) else {}
        paired = _paired(values)
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
            result[shown] = self._value(each, here, before.get(key))
        return result

    def _place(self, key: str, value: Any, place: _Place) -> _Place:
        """Where a value under this name stands."""
        if place.wholly:
            return place
        if key in place.properties:
            return replace(place, why="secret by type", wholly=True)
        words = [each.lower() for each in _WORDS.findall(key)]
        digest = bool(words) and words[-1] in _DIGESTS
        if place.why:
            return replace(place, why="" if _harmless(key) else place.why, digest=digest)
        sure = named_secret(key)
        if sure == "always" and not (isinstance(value, (int, float)) and "token" in words):
            return replace(place, why="key name", digest=digest)
        if sure == "perhaps" and isinstance(value, str) and len(value) >= 12 and not value.isupper():
            return replace(place, why="key name", digest=digest)
        return replace(place, digest=digest) if digest != place.digest else place

    def _list(self, values: list[Any], place: _Place, twin: Any) -> list[Value]:
        before = twin if isinstance(twin, list) else []
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
            result.append(self._value(each, here, other))
            flag = isinstance(each, str) and each.startswith("-") and "=" not in each and bool(named_secret(each))
        return result

    def _signed(self, value: Mapping[str, Any], place: _Place) -> Value:
        """A value of one of the engine's own kinds."""
        signature = value[SIGNATURE]
        if signature in _ASSETS:
            where = self._text(str(value.get("path") or value.get("uri") or ""), place)
            digest = str(value.get("hash") or "")[:12]
            return " ".join(filter(None, (_ASSETS[signature], str(where), digest)))
        if signature == _REFERENCE:
            return self._text(str(value.get("urn", "")), place)
        if signature == _OUTPUT:
            if value.get("secret"):
                return self._hide(value.get("value"), "secret")
            return self._value(value["value"], place.below(), None) if "value" in value else UNKNOWN
        if signature == _FLOAT:
            return f"number {value.get('value')}"
        if signature == _BYTES:
            return self._string(str(value.get("value")), place)
        if signature == _SECRET and isinstance(value.get("plaintext"), str):
            try:
                return self._hide(json.loads(value["plaintext"]), "secret")
            except (ValueError, RecursionError):
                return self._hide(value["plaintext"], "secret")
        return Secret("secret")

    def _string(self, text: str, place: _Place) -> Value:
        if text in _UNKNOWNS:
            return UNKNOWN
        if text == _ENGINES:
            return Secret("secret")
        if place.why and text and (place.wholly or not _rules().references.fullmatch(text)):
            return self._hide(text, place.why)
        return self._text(text, place)

    def _hide(self, value: Any, why: str) -> Secret:
        """Hide a value wholly, and remember what it is made of."""
        if value == _ENGINES or (
            isinstance(value, dict) and value.get(SIGNATURE) == _SECRET and "plaintext" not in value
        ):
            return Secret("secret")
        for each in _texts(value):
            self._remember(each)
        return Secret(why, _digest(value))

    def _remember(self, text: str) -> None:
        """Look for this secret everywhere, if it can be told from a word; for what it decodes to and its lines too."""
        text = text.strip()
        if _tellable(text):
            self.found.add(text)
        plain = _decoded(text) if len(text) < 65536 else None
        for each in {text, plain} if plain else {text}:
            if each is None:
                continue
            if each is not text and _tellable(each):
                self.found.add(each)
            # A secret of several lines stands elsewhere with other line ends or indented; lines with blanks may be anyone's.
            lines = [line.strip() for line in each.splitlines()] if "\n" in each else []
            self.found.update(
                line for line in lines if len(line) >= 2 * LITERAL and " " not in line and "-" not in line[:2]
            )
            document = _json(each) if each.lstrip()[:1] in ("{", "[") else None
            if document is not None:
                self._value(document, _Place(why="key name"), None)

    def _name(self, key: str) -> str:
        """The key of a mapping, which may be a secret itself."""
        return key if len(key) < LITERAL else str(self._text(key, _Place(digest=True)))

    def _text(self, text: str, place: _Place) -> str | Secret:
        """A text with its secret parts struck out; all of it hidden where nothing else is left."""
        if len(text) < 6:
            return text
        memo = (text, place.digest, place.nested)
        if (known := self._seen.get(memo)) is not None:
            return known
        clean = _SURROGATES.sub("\ufffd", text)
        left, why = self._struck(clean, place)
        result: str | Secret = text if left == text else left
        if left != clean:
            mark = _digest(text)
            result = Secret(why, mark) if left.strip(" \n\"'") == HIDDEN else Masked(left, mark)
        self._seen[memo] = result
        return result

    def _struck(self, text: str, place: _Place) -> tuple[str, str]:
        """A text with its secret parts struck out, and what gave the last of them away."""
        if place.nested >= NESTED:
            return HIDDEN, "too deep to look through"
        why = ""
        if text.lstrip()[:1] in ("{", "["):
            document = _json(text)
            if document is not None:
                shown = self._value(document, _Place(nested=place.nested + 1), None)
                return (_dumped(shown, like=text) if _altered(document, shown) else text), "secret in JSON"
        if self._literals is not None and (left := self._literals.sub(HIDDEN, text)) != text:
            text, why = left, "secret elsewhere"
        lower = text.lower()
        for pattern in _rules().patterns:
            if any(each in lower for each in pattern.has):
                left = pattern.find.sub(functools.partial(self._strike, pattern.why), text)
                if left != text:
                    text, why = left, pattern.why
        if _STEMS.search(lower):
            left = self._yaml(text, place) if "\n" in text and _LOOKS_YAML.search(text) else text
            left = self._assignments(left) if "=" in text or ":" in text else left
            left = _FLAG.sub(self._flag, left) if "-" in text else left
            text, why = left, why if left == text else "key name"
        left = self._encoded(text, place)
        return left, why if left == text else "in base64 or random"

    def _strike(self, why: str, match: re.Match[str]) -> str:
        """Strike out a match of a pattern, or its secret part."""
        if "secret" not in match.re.groupindex:
            return HIDDEN
        secret = match["secret"]
        if secret in (HIDDEN, _ENGINES) or _rules().references.fullmatch(secret):
            return match[0]
        if why in ("password of a URL", "command line", "authorization"):
            self._remember(secret)
        start, end = (each - match.start() for each in match.span("secret"))
        return match[0][:start] + HIDDEN + match[0][end:]

    def _assignments(self, text: str) -> str:
        """Strike out what is assigned to a secret's name: `password=x`, `"token": "x"`, `export API_KEY='x'`."""
        parts: list[str] = []
        done = 0
        for match in _ASSIGNED.finditer(text):
            sure = named_secret(match["name"])
            group = "quoted" if match["quoted"] is not None else "bare"
            value = match[group] if group == "quoted" else match[group].rstrip(",)]}")
            if match.start() < done or not sure or not value or HIDDEN in match[group]:
                continue
            if match[group].startswith(("${", "$(")) or not _assigned(value, sure, match["sign"], group):
                continue
            start = match.start(group)
            end = start + len(value)
            if group == "bare" and value in _BLOCKS:
                start, end = _block(text, match.start(), end)
            elif match["sign"] != ":" or group == "quoted":
                self._remember(value)
            if end > start:
                parts += (text[done:start], HIDDEN)
                done = end
        return "".join(parts) + text[done:] if parts else text

    def _flag(self, match: re.Match[str]) -> str:
        """Strike out the value of a command line's flag."""
        value = match["bare"]
        sure = named_secret(match["name"])
        if sure != "always" or HIDDEN in value or _rules().references.fullmatch(value):
            return match[0]
        self._remember(value)
        start = match.start("bare") - match.start()
        return match[0][:start] + HIDDEN + match[0][start + len(value) :]

    def _yaml(self, text: str, place: _Place) -> str:
        """Strike out the secrets of a text that is YAML, and leave its layout and comments."""
        if len(text) > YAML_CHARACTERS:
            return text
        try:
            nodes = [each for each in yaml.compose_all(text, Loader=_YamlLoader) if each is not None]
        except (yaml.YAMLError, RecursionError, ValueError):
            return text
        spans: list[tuple[int, int]] = []
        seen: set[int] = set()
        start = _Place(nested=place.nested + 1)
        for node in nodes:
            if not isinstance(node, yaml.ScalarNode):
                self._node(node, start, spans, seen)
        for first, last in sorted(set(spans), reverse=True):
            kept = text[first:last]
            ending = kept[len(kept.rstrip()) :]
            text = text[:first] + HIDDEN + ending + text[last:]
        return text

    def _node(self, node: Any, place: _Place, spans: list[tuple[int, int]], seen: set[int]) -> None:
        """Find the spans of the secrets below a node of YAML; an anchor's node is looked at once."""
        if id(node) in seen:
            return
        seen.add(id(node))
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
            if place.why and not place.wholly and _points(plain):
                place = replace(place, why="")
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
            if match["public"] or token.startswith(_rules().public):
                return token
            plain = _decoded(token)
            if plain is not None:
                shown = self._text(plain, _Place(nested=place.nested + 1))
                if not isinstance(shown, (Secret, Masked)):
                    return token
                if isinstance(shown, Secret) or token.startswith("H4sI"):
                    return HIDDEN
                return base64.b64encode(shown.encode()).decode()
            return HIDDEN if not place.digest and looks_random(token) else token

        return _ENCODED.sub(struck, text)


def looks_random(token: str) -> bool:
    """Whether a run of base64's letters looks like a key: Shannon's entropy and changes of the letters' class.

    A digest in hexadecimal, an id or a UUID does not: it has no letters of both cases. detect-secrets strikes out what has
    4.5 bits a character of base64's 6 (Yelp/detect-secrets, plugins/high_entropy_strings.py); fewer than 64 characters cannot
    reach 6 bits, so the limit here is the same share, 3/4, of what they can reach. Names in camel case have that much too.
    They are told apart by neighbours of different class (capital, small letter, digit): 62 % of those in random text
    (1 - (26² + 26² + 10²) / 62²), a third at most in names; here from 42 %, in runs without punctuation.
    """
    count = len(token)
    if count < 20 or token.startswith(("sha256-", "sha384-", "sha512-")):
        return False
    runs = [each for each in re.findall(r"[A-Za-z0-9]+", token) if len(each) >= 6]
    text = "".join(runs)
    if len(text) < 20 or text == text.lower() or text == text.upper() or sum(map(str.isdigit, text)) < 2:
        return False
    changes = sum(_class(one) != _class(other) for run in runs for one, other in itertools.pairwise(run))
    if changes < 0.42 * (len(text) - len(runs)):
        return False
    bits = -sum(each / count * math.log2(each / count) for each in Counter(token).values())
    return bits >= 0.75 * math.log2(min(count, 64))


_STEMS: Final = re.compile(
    r"pass|pwd|\bpw\b|secret|token|key|cred|auth|bearer|connection|dsn|jwt|hmac|otp|cookie|signature|url|uri|"
    r"kubeconfig|docker|htpasswd|netrc|license|salt|\bpin\b"
)
"""What every secret's name has in it."""


def _class(letter: str) -> int:
    return 0 if letter.isdigit() else 1 if letter.isupper() else 2


def _singular(word: str) -> str:
    if word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us")) else word


@functools.lru_cache(maxsize=65536)
def _harmless(key: str) -> bool:
    """Whether a name below a secret's is none."""
    words = [each.lower() for each in _WORDS.findall(key)]
    return bool(words) and _singular(words[-1]) in _rules().harmless


def _points(values: Mapping[str, Any]) -> bool:
    """Whether a mapping under a secret's name only says where the secret is."""
    return bool(values) and all(key.lower() in _rules().pointers for key in values)


def _paired(values: Mapping[str, Any]) -> str:
    """The name that a mapping gives to the value beside it, as lists of environment variables do."""
    if any(key in values for key in _VALUES):
        return next((str(values[key]) for key in _NAMES if isinstance(values.get(key), str)), "")
    return ""


def _properties(kind: str, values: Mapping[str, Any]) -> frozenset[str]:
    """Properties that are secret by the resource's type."""
    found: frozenset[str] = frozenset()
    name = kind.rsplit(":", 1)[-1]
    for each in _rules().types:
        fits = each.type.search(kind) if each.type.pattern.startswith("^") else each.type.search(name)
        if fits and all(values.get(key) == wanted for key, wanted in each.only.items()):
            found |= each.properties
    return found


def _marked(value: Any) -> bool:
    """Whether the engine says that a value is secret."""
    return value == _ENGINES or (
        isinstance(value, dict)
        and (value.get(SIGNATURE) == _SECRET or (value.get(SIGNATURE) == _OUTPUT and bool(value.get("secret"))))
    )


def marked(values: Mapping[str, Any]) -> frozenset[str]:
    """Names of the properties that the engine says are secret."""
    return frozenset(key for key, each in values.items() if _marked(each))


def _with_copies(values: Mapping[str, Any], twin: Mapping[str, Any]) -> dict[str, Any]:
    """A resource's inputs before or after, with the marks of what is copied on the copies too."""
    result = dict(twin)
    for copy, original in _COPIES.items():
        made = dict(twin[copy]) if isinstance(twin.get(copy), dict) else {}
        for each in (values.get(original), twin.get(original)):
            if isinstance(each, dict):
                made |= {key: value for key, value in each.items() if _marked(value)}
        if made:
            result[copy] = made
    return result


def _unknown(value: Any) -> bool:
    return isinstance(value, str) and value in _UNKNOWNS


def _tellable(text: str) -> bool:
    """Whether a secret can be told from a word that has the same letters."""
    if len(text) < LITERAL or HIDDEN in text or _rules().references.fullmatch(text) or len(set(text)) < 4:
        return False
    return len(text) >= 12 or not text.isalpha() or not text.islower()


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


def _json(text: str) -> Any:
    """A JSON document; None where it is none, or says one thing twice."""
    try:
        document = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, (dict, list)) else None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError
    return made


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
    if value == _ENGINES or value in _UNKNOWNS or _rules().references.fullmatch(value):
        return False
    if sure == "perhaps" and (len(value) < 12 or value.isupper()):
        return False
    # In prose a colon follows names too: `invalid token: expired`.
    return sign != ":" or group == "quoted" or value in _BLOCKS or len(value) >= LITERAL or not value.isalpha()


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
