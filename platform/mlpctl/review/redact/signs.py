"""Recognizes secrets that Pulumi does not mark, by name, type and randomness; the data is in `secrets.yaml`."""

import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from awsfacts import randomness, secret_names, secret_words
from awsfacts.tables import read_table
from mlpctl.review.types import records, terraform
from mlpctl.review.types.kinds import short_type
from mlpctl.review.values.plain import HIDDEN

LITERAL: Final = 8
"""Minimum length of a secret that can be distinguished from a word and is redacted everywhere."""

WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


@dataclass(frozen=True)
class _Kind:
    """Properties that contain a secret, by the name of the resource's type."""

    type: re.Pattern[str]
    properties: frozenset[str]
    only: Mapping[str, Any]


@dataclass(frozen=True)
class Rules:
    """`secrets.yaml` with compiled patterns."""

    stems: re.Pattern[str]
    names: re.Pattern[str]
    last: re.Pattern[str]
    perhaps: re.Pattern[str]
    inside: re.Pattern[str]
    harmless: frozenset[str]
    despite: re.Pattern[str]
    switches: frozenset[str]
    references: re.Pattern[str]
    flags: frozenset[str]
    fillers: frozenset[str]
    pointers: frozenset[str]
    values: frozenset[str]
    outside: frozenset[str]
    usual: frozenset[str]
    types: tuple[_Kind, ...]
    public: tuple[str, ...]


@functools.cache
def rules() -> Rules:
    """The rules of `secrets.yaml`."""
    data = read_table("secrets.yaml", "mlpctl.review.redact")

    def row(phrases: Iterable[str]) -> re.Pattern[str]:
        return re.compile(rf"(?:^| )(?:{'|'.join(phrases)})(?: |$)")

    return Rules(
        stems=re.compile("|".join(data["stems"])),
        names=row([*data["names"], f"{secret_words.struck('keys')} keys?"]),
        last=re.compile(f"(?:^| )(?!(?:{'|'.join(data['perhaps'])})){secret_words.struck('last')}$"),
        perhaps=row(data["perhaps"]),
        inside=re.compile("|".join([*data["inside"], f"{secret_words.struck('ends')}$"])),
        harmless=frozenset(data["harmless"]),
        despite=row(f"{each}$" for each in data["despite"]),
        switches=frozenset(data["switches"]),
        references=re.compile("|".join(f"(?:{each})" for each in data["references"])),
        flags=frozenset(data["flags"]),
        fillers=frozenset(data["fillers"]),
        pointers=frozenset(data["pointers"]),
        values=frozenset(data["values"]),
        outside=frozenset(data["outside"]),
        usual=frozenset(map(str, data["usual"])),
        types=tuple(
            _Kind(re.compile(each["type"]), frozenset(each["properties"]), each.get("only", {}))
            for each in data["types"]
        ),
        public=tuple(data["public"]),
    )


@functools.lru_cache(maxsize=65536)
def named_secret(name: str) -> str:
    """Whether a name is that of a secret, or empty for no.

    `always`; `perhaps`: its value may be a setting; `random`: only if its value looks like a key.
    """
    known = rules()
    last = re.split(r"[/:]", name[:256].rstrip("/:"))[-1]
    words = [each.lower() for each in WORDS.findall(last)]
    text = " ".join(words)
    certain = known.names.search(text) or known.last.search(text) or any(map(known.inside.search, words))
    found = "always" if certain else ""
    found = found or ("perhaps" if known.perhaps.search(text) else "")
    found = found or ("random" if secret_names.names_a_key(last) else "")
    if not found:
        return ""
    harmless = _singular(words[-1]) in known.harmless or _singular(" ".join(words[-2:])) in known.harmless
    if (harmless and not known.despite.search(text)) or _singular(words[0]) in known.switches:
        return ""
    return found


def is_secret(name: str, value: object) -> bool:
    """Whether a value with a name is a secret by the name, or by both."""
    sure = named_secret(name)
    if sure == "always" or not isinstance(value, str):
        return sure == "always"
    if sure == "perhaps":
        return len(value) >= 12 and not value.isupper()
    return sure == "random" and randomness.looks_like_key(value)


def _singular(word: str) -> str:
    if word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us")) else word


@functools.lru_cache(maxsize=65536)
def harmless(key: str) -> bool:
    """Whether a name below the name of a secret is harmless."""
    words = [each.lower() for each in WORDS.findall(key)]
    return bool(words) and _singular(words[-1]) in rules().harmless


def properties(kind: str, values: Mapping[str, Any]) -> frozenset[str]:
    """Properties that contain a secret in resources of a type with these inputs."""
    found: frozenset[str] = frozenset()
    name = _class_name(kind)
    for each in rules().types:
        if each.type.search(name) and _holds(values, each.only):
            found |= each.properties
    own = records.record(short_type(kind)).secrets
    return found | frozenset(own.properties) if own and _holds(values, own.when) else found


def _class_name(kind: str) -> str:
    """The last part of a type: `SecretVersion`, and `secretVersion` of a Terraform module's resource."""
    known = short_type(kind) if terraform.is_resource(kind) else kind
    return re.split("[:/]", known)[-1]


def _holds(values: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(values.get(key) == value for key, value in wanted.items())


def type_of_secret(kind: str) -> bool:
    """Whether a type's own name is that of a secret, for types without a record: `ApiKey`, `UserPassword`."""
    name = _class_name(kind)
    words = [each.lower() for each in WORDS.findall(name)]
    return bool(words) and words[0] not in rules().outside and named_secret(name) == "always"


@functools.lru_cache(maxsize=65536)
def names_value(key: str) -> bool:
    """Whether a property holds the value of a name-value pair: `value`, `text`, `content`."""
    return " ".join(each.lower() for each in WORDS.findall(key)) in rules().values


def flagged(values: Mapping[str, Any]) -> bool:
    """Whether a mapping marks its value as secret: `isSecret: true`, `type: secret_text`."""
    for key, value in values.items():
        if value is True and _says_secret(key):
            return True
        if isinstance(value, str) and key.lower().endswith(("type", "kind")) and _says_secret(value):
            return True
    return False


@functools.lru_cache(maxsize=65536)
def holds_secrets(key: str) -> bool:
    """Whether a name means that the values below it contain secrets: `secretTextBindings`."""
    words = [_singular(each.lower()) for each in WORDS.findall(key)]
    return bool(words) and bool(rules().flags.intersection(words)) and words[-1] not in rules().pointers


@functools.lru_cache(maxsize=65536)
def _says_secret(text: str) -> bool:
    """Whether the words of a name or a kind mean only that a value is secret."""
    words = [each.lower() for each in WORDS.findall(text[:64])]
    found = [_singular(each) in rules().flags for each in words]
    return any(found) and all(yes or each in rules().fillers for yes, each in zip(found, words, strict=True))


def tellable(text: str) -> bool:
    """Whether a secret can be distinguished from an ordinary word."""
    if len(text) < LITERAL or HIDDEN in text or rules().references.fullmatch(text) or len(set(text)) < 4:
        return False
    return len(text) >= 12 or not text.isalpha() or not text.islower()


SHORTEST_WHOLE: Final = 4
"""Minimum length of a secret that is redacted where it is a whole value, or a whole word of a text."""


def recurs(text: str) -> bool:
    """Whether a secret is redacted where it is a whole value: not a number, and no word of usual settings."""
    if len(text) < SHORTEST_WHOLE or HIDDEN in text or rules().references.fullmatch(text):
        return False
    return len(set(text)) > 1 and not _NUMBER.fullmatch(text) and text.lower() not in rules().usual


def peculiar(text: str) -> bool:
    """Whether a secret that is not `tellable` is still no word: letters with digits or with unusual punctuation."""
    if tellable(text) or not recurs(text) or not any(map(str.isalpha, text)):
        return False
    return any(map(str.isdigit, text)) or any(not each.isalnum() and each not in " -._/:" for each in text)


_NUMBER: Final = re.compile(r"[\d.,:+/ -]+")
