"""Redacts what scripts write to files that hold secrets, or pass to commands that read one: `written.yaml`."""

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from awsfacts.tables import read_table
from mlpctl.review.redact import signs
from mlpctl.review.redact.assigned import Remember
from mlpctl.review.values import marks
from mlpctl.review.values.plain import HIDDEN

PATHS: Final = ("path", "file", "filename", "fileName", "dest", "destination", "target")
"""Properties with the path of a file, next to its content."""

CONTENTS: Final = ("content", "contents", "inline", "source", "data", "text", "value", "body")

_WORD: Final = r"""(?:"(?:[^"\\\n]|\\.){0,4096}"|'[^'\n]{0,4096}'|\$\([^()\n]{0,4096}\)|[^\s"'|<>;&()]{1,4096})"""
"""A word of a command."""

_TARGET: Final = re.compile(
    r"(?:>>?\|?|\btee\b(?:\s+-\S+)*|\bsponge\b|\bof=|\s-out(?=\s)|/dev/stdin|\b(?i:Out-File|(?:Set|Add)-Content|New-Item)\b(?:\s+-(?:Encoding\s+)?\w+)*"
    r"|\bWriteAll(?:Text|Lines)\(|\bopen\(|\bFile\.write\(|\bPath\(|\bwriteFile(?:Sync)?\()"
    r"""\s*\\?["']?(?P<path>[^\s"'|;&<>()]{1,512})"""
)
"""The file that a command writes."""

_NAMED: Final = re.compile(
    r"(?<![\w.-])(?:(?P<name>[A-Za-z_]\w{1,63})=|--(?P<flag>[\w-]{2,64})[= \t])[\"']?(?:\$|(?:file://)?<)\("
    r"\s*(?:echo|printf|cat|base64|tr)\b|\bread\s+(?:-\S+\s+)*(?P<read>\w{2,64})"
)
"""A variable or a flag that gets the output of a command, or a line of its input."""

_ARGUMENTS: Final = re.compile(
    r"(?P<lead>(?<![\w.-])(?:echo|printf|Write-Output|Write-Host)\b(?:\s+-[neE]+\b)*)"
    rf"(?P<words>(?:[ \t]+{_WORD}){{1,64}})"
)
_SWITCHES: Final = r"(?:[ \t]+-(?:Encoding[ \t]+\w{1,16}|Force|NoNewline)){0,4}"
_PAYLOADS: Final = (
    re.compile(rf"<<<[ \t]*(?P<word>{_WORD})"),
    re.compile(rf"-(?:Value|InputObject)[ \t:]+(?P<word>{_WORD})", re.IGNORECASE),
    re.compile(
        rf"""\b(?:Set|Add)-Content{_SWITCHES}(?:[ \t]+-(?:Literal)?Path)?[ \t]+["']?[^\s"'-][^\s"']{{0,511}}["']?"""
        rf"""{_SWITCHES}[ \t]+(?P<word>(?!-){_WORD})""",
        re.IGNORECASE,
    ),
    re.compile(r"""(?:^|[=(])\s*(?P<word>"[^"\n]{1,4096}"|'[^'\n]{1,4096}')\s*[|>]"""),
    re.compile(rf"\bWriteAll(?:Text|Lines)\([^,\n]{{1,512}},\s*(?P<word>{_WORD})"),
    re.compile(rf"\b(?:File\.write|writeFile(?:Sync)?)\([^,\n]{{1,512}},\s*(?P<word>{_WORD})"),
    re.compile(rf"\.write(?:_text|_bytes|lines)?\(\s*(?P<word>{_WORD})"),
)
"""Texts that a command writes."""

_HERE: Final = re.compile(r"""(?<!<)<<(?!<)[-~]?\s*\\?["']?(?P<end>\w{1,64})["']?""")
_FORMAT: Final = re.compile(r"(?:%[-\d.]*[sbqdx]|\\[nrt0])*")
_REFERENCES: Final = re.compile(r"\$\([^()]*\)|\$\{[^{}]*\}|\$[A-Za-z_]\w*|`[^`]*`|\{\{[^{}]*\}\}")
_LOGIN: Final = re.compile(r"^[\w.-]{1,64}:([^\s:/]{1,512})$")
"""A user with a password."""

_HINTS: Final = ("echo", "printf", "<<", "write", "-content", "out-file", "new-item", "' |", '" |', "' >", '" >')


@dataclass(frozen=True)
class _Command:
    has: tuple[str, ...]
    find: re.Pattern[str]


@dataclass(frozen=True)
class _Rules:
    """`written.yaml` with compiled patterns."""

    folders: frozenset[str]
    names: re.Pattern[str]
    files: re.Pattern[str]
    public: re.Pattern[str]
    readers: re.Pattern[str]
    words: tuple[_Command, ...]


@functools.cache
def _rules() -> _Rules:
    data = read_table("written.yaml", "mlpctl.review.redact")
    return _Rules(
        folders=frozenset(data["folders"]),
        names=re.compile("|".join(data["names"])),
        files=re.compile("|".join([*data["names"], *data["files"]])),
        public=re.compile("|".join(data["public"])),
        readers=re.compile("|".join(data["readers"])),
        words=tuple(_Command(tuple(each["has"]), re.compile(each["pattern"])) for each in data["words"]),
    )


@functools.lru_cache(maxsize=16384)
def holds_secret(path: str) -> bool:
    """Whether a file holds a secret, by its path."""
    *folders, name = [each.lower() for each in re.split(r"[\\/]+", path.strip("\"' ")) if each] or [""]
    if not name or _rules().public.fullmatch(name):
        return False
    if _rules().files.fullmatch(name) or not _rules().folders.isdisjoint(folders):
        return True
    stem = re.sub(r"(?<=.)\.(?:txt|json|ya?ml|conf|cfg|ini|env|dat|tmp|bak|b64|gz|sh)$", "", name)
    return signs.named_secret(stem) == "always"


def is_file(name: str, value: object) -> bool:
    """Whether a name, such as a key of a config map, is that of a file that holds a secret, and a value its content."""
    name = name.lower()
    certain = _rules().names.fullmatch(name) is not None and not _rules().public.fullmatch(name)
    return certain and isinstance(value, str)


def of_file(values: Mapping[str, Any]) -> bool:
    """Whether a mapping describes a file that holds a secret, such as an item of cloud-init's `write_files`."""
    paths = (values.get(key) for key in PATHS)
    return any(isinstance(each, str) and holds_secret(each) for each in paths) and any(
        key in values for key in CONTENTS
    )


def commands(text: str, remember: Remember) -> str:
    """Redact the words of commands that are secrets; the words may also be separated by vertical tabs."""
    lower = text.lower()
    for each in _rules().words:
        if any(part in lower for part in each.has):
            text = each.find.sub(lambda match: _word_struck(match, "secret", remember), text)
    return text


def struck(text: str, remember: Remember) -> str:
    """Redact what the commands of a script write to files that hold secrets; the number of lines stays the same."""
    lower = text.lower()
    if not any(each in lower for each in _HINTS):
        return text
    lines = text.split("\n")
    number = 0
    while number < len(lines):
        last = _last_of_command(lines, number)
        command = "\n".join(lines[number : last + 1])
        ends = [match["end"] for match in _HERE.finditer(command)]
        if _takes_secret(command):
            first = _first_of_group(lines, number)
            for place in range(first, last + 1):
                lines[place] = _payload(lines[place], remember)
            for end in ends:
                last = _body_struck(lines, last + 1, end, remember)
        number = last + 1
    return "\n".join(lines)


def _last_of_command(lines: Sequence[str], first: int) -> int:
    """The last line of a command that continues on following lines."""
    last = first
    while last + 1 < len(lines) and re.search(r"(?:\\|\||&&)[ \t]*$", lines[last]) and last - first < 64:
        last += 1
    return last


def _first_of_group(lines: Sequence[str], number: int) -> int:
    """The first line of the group of commands that ends with this line; this line if it does not end one."""
    if not re.match(r"\s*[})]", lines[number]):
        return number
    for place in range(number - 1, max(-1, number - 256), -1):
        if re.search(r"[{(]\s*$", lines[place]):
            return place
    return number


def _takes_secret(command: str) -> bool:
    """Whether a command writes a file that holds a secret, or reads a secret from its input."""
    if any(holds_secret(match["path"]) for match in _TARGET.finditer(command)) or _rules().readers.search(command):
        return True
    return any(
        signs.named_secret(match["name"] or match["flag"] or match["read"]) == "always"
        for match in _NAMED.finditer(command)
    )


def _body_struck(lines: list[str], first: int, end: str, remember: Remember) -> int:
    """Redact the lines of a here-document; the number of its last line."""
    for number in range(first, len(lines)):
        line = lines[number].strip()
        if re.fullmatch(rf"{end}\b.{{0,8}}", line):
            return number
        if line and _is_literal(line):
            if " " not in line:
                remember(line)
            lines[number] = lines[number].replace(line, HIDDEN)
    return len(lines) - 1


def _payload(line: str, remember: Remember) -> str:
    """Redact the texts that a line writes."""
    line = _ARGUMENTS.sub(lambda match: match["lead"] + _words_struck(match["words"], remember), line)
    for each in _PAYLOADS:
        line = each.sub(lambda match: _word_struck(match, "word", remember), line)
    return line


def _words_struck(words: str, remember: Remember) -> str:
    return re.sub(rf"(?P<word>{_WORD})", lambda match: _word_struck(match, "word", remember), words)


def _word_struck(match: re.Match[str], group: str, remember: Remember) -> str:
    """A match with the word in a group redacted, if it is not only a reference or a format."""
    word = match[group]
    start = match.start(group) - match.start()
    if "$(" in word:
        shown = _payload(word, remember)
    else:
        bare = word.strip("\"'")
        if not _is_literal(bare):
            return match[0]
        for each in (bare, *bare.split("\\n"), *(_LOGIN.findall(bare))):
            remember(each)
        shown = word.replace(bare, HIDDEN)
    return match[0][:start] + shown + match[0][start + len(word) :]


def _is_literal(text: str) -> bool:
    """Whether a text contains more than references, formats and what is hidden already."""
    if text in marks.UNKNOWNS or signs.rules().references.fullmatch(text):
        return False
    left = _FORMAT.sub("", _REFERENCES.sub("", text.replace(HIDDEN, "")))
    return bool(re.search(r"\w", left)) and not re.fullmatch(r"[\w.\s-]*[=:]\s*", left)


def in_list(values: Sequence[Any], remember: Remember) -> Iterator[str]:
    """The lines of a script that is a list, with what they write to files that hold secrets redacted."""
    counts = [each.count("\n") + 1 for each in values]
    left = struck("\n".join(values), remember).split("\n")
    start = 0
    for count in counts:
        yield "\n".join(left[start : start + count])
        start += count
