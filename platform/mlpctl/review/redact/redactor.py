"""Redacts the secrets of a plan while it is read, by Pulumi's marks, names and patterns; no other code sees them.

The rules are data: `secrets.yaml`, and the forms of `awsfacts.credential_forms`. JSON, YAML and base64 (also with gzip)
inside a text are searched too. A secret that was found by a mark or a name is redacted everywhere else too: in texts if
it can be distinguished from a word, otherwise where it is a whole value.
"""

import base64
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Final

from awsfacts import randomness
from awsfacts.credential_forms import SECRET, WORD_END, Form, Reader, as_command, possible
from mlpctl.review.redact import assigned, quoted, signs, written, yaml_text
from mlpctl.review.redact.encoded import ENCODED, decoded
from mlpctl.review.redact.masks import DEEPEST, altered, digest, dumped, encoded_data, literal_pattern, masked, texts
from mlpctl.review.redact.places import Place, holds_value, paired, place_of, with_copies
from mlpctl.review.values import marks
from mlpctl.review.values.plain import HIDDEN, UNKNOWN, Masked, Secret, Value, document

SHORTEST: Final = 6
"""Minimum length of a text that is searched by form; in a shorter one only secrets of other places are hidden."""

NESTED: Final = 8
"""Maximum nesting of texts inside texts that are searched; everything below is hidden."""

_DEFAULTS: Final = "__defaults"
"""A provider's list of the inputs that are defaults."""

_CODE: Final = "__provider"
"""The code of a dynamic provider, including captured values."""

_SURROGATES: Final = re.compile(r"[\ud800-\udfff]")


def scrub(text: str) -> str:
    """A free text with secrets redacted by name and pattern."""
    return Redactor().text(text)


def _is_given(flag: str, value: str) -> bool:
    """Whether the word after a flag is a secret."""
    sure = signs.named_secret(flag)
    return sure in ("always", "perhaps") or signs.is_secret(flag, value)


class Redactor:
    """Redacts the secrets of one plan."""

    def __init__(self, literals: Collection[str] = ()) -> None:
        """Redact these literals everywhere, too."""
        self.found: set[str] = set()
        """Secrets found by a mark or a name that are redacted everywhere: in texts, or short ones as whole values."""

        self._wholes = frozenset(literals)
        self._literals = literal_pattern(filter(signs.tellable, literals), filter(signs.peculiar, literals))
        self._seen: dict[tuple[str, bool, int], str | Secret] = {}

    def inputs(
        self,
        values: Mapping[str, Any],
        *,
        kind: str = "",
        hidden: Collection[str] = (),
        twin: Mapping[str, Any] | None = None,
    ) -> dict[str, Value]:
        """Inputs of a resource of a type, with secrets redacted.

        `hidden` are names that Pulumi marks as secret. `twin` are the same resource's inputs before or after: values
        that are secret there are also secret here.
        """
        place = Place(properties=signs.properties(kind, values), beside=signs.type_of_secret(kind))
        shown = self._mapping(values, place, with_copies(values, twin or {}))
        for key, each in values.items():
            if key in hidden and key in shown and each is not None and not marks.unknown(each):
                shown[key] = self._hide(each, "secret")
        return encoded_data(kind, values, shown)

    def value(self, value: Any, name: str = "") -> Value:
        """A value with a name, with secrets redacted."""
        return self._value(value, place_of(name, value, Place()), None)

    def text(self, text: str) -> str:
        """A free text with secrets redacted."""
        return str(self._text(text, Place()))

    def _value(self, value: Any, place: Place, twin: Any) -> Value:
        if marks.secret(twin) and not marks.secret(value) and value not in (None, "") and not marks.unknown(value):
            return self._hide(value, "secret")
        if isinstance(value, str):
            return self._string(value, place)
        if isinstance(value, (dict, list)):
            if place.depth >= DEEPEST:
                return Secret("too deep to look through", digest(value))
            if isinstance(value, list):
                return self._list(value, place.below(), twin)
            if isinstance(value.get(marks.SIGNATURE), str):
                return self._signed(value, place)
            return self._mapping(value, place.below(), twin)
        if place.why and value is not None and not isinstance(value, bool):
            return Secret(place.why, digest(value))
        return value

    def _mapping(self, values: Mapping[str, Any], place: Place, twin: Any) -> dict[str, Value]:
        if values.get("kind") == "Secret" and str(values.get("apiVersion", "v1")) == "v1":
            place = replace(place, properties=place.properties | {"data", "stringData"})
        before = twin if isinstance(twin, dict) else {}
        name_beside = paired(values)
        flagged = place.beside or signs.flagged(values)
        file = written.of_file(values)
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
            here = place_of(key, each, place)
            if name_beside and holds_value(key, each):
                here = place_of(name_beside, each, here)
            if (file and key in written.CONTENTS) or written.is_file(key, each):
                here = replace(here, why="file of a secret", wholly=True)
            if flagged and isinstance(each, (str, int, float)) and signs.names_value(key):
                here = replace(here, why=here.why or "secret by what stands beside it")
            result[shown] = self._value(each, here, before.get(key))
        return result

    def _list(self, values: list[Any], place: Place, twin: Any) -> list[Value]:
        before = twin if isinstance(twin, list) else []
        struck = self._words(values)
        byname = {each["name"]: each for each in before if isinstance(each, dict) and isinstance(each.get("name"), str)}
        result: list[Value] = []
        flag = ""
        for number, each in enumerate(values):
            other = before[number] if number < len(before) else None
            if isinstance(each, dict) and isinstance(each.get("name"), str):
                other = byname.get(each["name"])
            is_given = isinstance(each, str) and not each.startswith("-") and _is_given(flag, each)
            here = replace(place, why="key name") if is_given else place
            result.append(struck[number] if number in struck else self._value(each, here, other))
            flag = each if isinstance(each, str) and each.startswith("-") and "=" not in each else ""
        return result

    def _words(self, values: list[Any]) -> dict[int, Value]:
        """Words with a secret that only the whole command reveals, `mysql -pSECRET`, by position."""
        if len(values) < 2 or not all(isinstance(each, str) for each in values):
            return {}
        script = [*written.in_list(values, self._remember)]
        if script != values:
            changed = enumerate(zip(values, script, strict=True))
            return {
                number: masked(old, self.text(new), "written by a command")
                for number, (old, new) in changed
                if old != new
            }
        line = as_command(values)
        if line is None:
            return {}
        low, left = line.lower(), line
        for form in possible(Reader.REDACT, low):
            if form.command:
                left = self._strike(form, left)
        left = written.commands(left, self._remember)
        if not any(each.isspace() for each in line if each != WORD_END):
            left = assigned.beside(left.replace(WORD_END, " "), self._remember).replace(" ", WORD_END)
        after = left.split(WORD_END)
        if left == line or len(after) != len(values):
            return {}
        pairs = enumerate(zip(values, after, strict=True))
        return {number: masked(old, new, "password") for number, (old, new) in pairs if old != new}

    def _signed(self, value: Mapping[str, Any], place: Place) -> Value:
        """A value with one of the engine's signatures."""
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

    def _string(self, text: str, place: Place) -> Value:
        if text in marks.UNKNOWNS:
            return UNKNOWN
        if text == marks.BLINDED:
            return Secret("secret")
        if place.why and text and (place.wholly or not signs.rules().references.fullmatch(text)):
            return self._hide(text, place.why)
        if text in self._wholes:
            return Secret("secret elsewhere", digest(text))
        return self._text(text, place)

    def _hide(self, value: Any, why: str) -> Secret:
        """Hide a whole value, and register the texts in it."""
        if value == marks.BLINDED or (
            isinstance(value, dict) and value.get(marks.SIGNATURE) == marks.SECRET and "plaintext" not in value
        ):
            return Secret("secret")
        for each in texts(value):
            self._remember(each)
        return Secret(why, digest(value))

    def _remember(self, text: str) -> None:
        """Redact this secret, its decoded form and its lines everywhere, if they can be distinguished from words."""
        text = text.strip()
        if signs.tellable(text) or signs.recurs(text):
            self.found.add(text)
        plain = decoded(text) if len(text) < 65536 else None
        for each in {text, plain} if plain else {text}:
            if each is None:
                continue
            if each is not text and (signs.tellable(each) or signs.recurs(each)):
                self.found.add(each)
            # Elsewhere its lines may be indented; a line with blanks may be ordinary text.
            lines = [line.strip() for line in each.splitlines()] if "\n" in each else []
            self.found.update(
                line for line in lines if len(line) >= 2 * signs.LITERAL and " " not in line and "-" not in line[:2]
            )
            inside = document(each)
            if inside is not None:
                self._value(inside, Place(), None)

    def _name(self, key: str) -> str:
        """The key of a mapping, which may contain a secret itself."""
        return str(self._text(key, Place(digest=True)))

    def _text(self, text: str, place: Place) -> str | Secret:
        """A text with its secret parts redacted; hidden completely if nothing else is left."""
        if len(text) < SHORTEST and text.isascii():
            left = self._literals.sub(HIDDEN, text) if self._literals else text
            return text if left == text else masked(text, left, "secret elsewhere")
        memo = (text, place.digest, place.nested)
        if (known := self._seen.get(memo)) is not None:
            return known
        clean = _SURROGATES.sub("\ufffd", text)
        left, why = self._struck(clean, place)
        result: str | Secret = text if left == text else left
        if left != clean:
            result = masked(text, left, why)
        self._seen[memo] = result
        return result

    def _struck(self, text: str, place: Place) -> tuple[str, str]:
        """A text with its secret parts redacted, and how the last of them was recognized."""
        if place.nested >= NESTED:
            return HIDDEN, "too deep to look through"
        why = ""
        inside = document(text)
        if inside is not None:
            shown = self._value(inside, Place(nested=place.nested + 1), None)
            return (dumped(shown, like=text) if altered(inside, shown) else text), "secret in JSON"
        if self._literals is not None and (left := self._literals.sub(HIDDEN, text)) != text:
            text, why = left, "secret elsewhere"
        lower = text.lower()
        for form in possible(Reader.REDACT, lower):
            left = self._strike(form, text)
            if left != text:
                text, why = left, form.name
        left = written.commands(written.struck(text, self._remember), self._remember)
        text, why = left, why if left == text else "written by a command"
        if signs.rules().stems.search(lower):
            left = yaml_text.struck(text, place, self._string) if yaml_text.looks_yaml(text) else text
            left = assigned.assignments(left, self._remember) if "=" in text or ":" in text else left
            left = assigned.beside(left, self._remember)
            text, why = left, why if left == text else "key name"
        left = self._encoded(text, place)
        return left, why if left == text else "in base64 or random"

    def _strike(self, form: Form, text: str) -> str:
        """Redact the matches of a form, or their secret parts."""
        group = SECRET if SECRET in form.find.groupindex else 0
        parts: list[str] = []
        done = 0
        for match in form.find.finditer(text):
            start, end = match.span(group)
            if start < done:
                continue
            if group and form.command:
                end = quoted.end_of(text, start, end)
            secret = text[start:end]
            if group and (secret in (HIDDEN, marks.BLINDED) or signs.rules().references.fullmatch(secret)):
                continue
            if form.elsewhere:
                self._remember(secret)
            parts += (text[done:start], HIDDEN)
            done = end
        return "".join(parts) + text[done:]

    def _encoded(self, text: str, place: Place) -> str:
        """Redact secrets in base64, and texts that look random."""

        def struck(match: re.Match[str]) -> str:
            token = match[0]
            if match["public"] or token.startswith(signs.rules().public):
                return token
            plain = decoded(token)
            if plain is not None:
                shown = self._text(plain, Place(nested=place.nested + 1))
                if not isinstance(shown, (Secret, Masked)):
                    return token
                if isinstance(shown, Secret) or token.startswith("H4sI"):
                    return HIDDEN
                return base64.b64encode(shown.encode()).decode()
            return HIDDEN if not place.digest and randomness.looks_random(token) else token

        return ENCODED.sub(struck, text)
