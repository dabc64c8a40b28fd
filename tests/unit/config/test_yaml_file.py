"""Parsing YAML as the engine does, with line numbers."""

import time

import pytest

from mlpctl.config.yaml_file import MAX_BYTES, MAX_VALUES, Position, YamlError, parse


# The meanings are those that `pulumi config --json` (3.259) prints.
@pytest.mark.parametrize(
    ("word", "meaning"),
    [
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("y", "y"),
        ("True", True),
        ("FALSE", False),
        ("~", None),
        ("", None),
        ("Null", None),
        ("0o17", 15),
        ("0x1F", 31),
        ("0X1f", 31),
        ("-0x1F", -31),
        ("0b101", 5),
        ("1_000", 1000),
        ("_1", "_1"),
        ("1_000.5", 1000.5),
        ("1:30", "1:30"),
        ("1e3", 1000),
        ("1.5e+3", 1500),
        (".5", 0.5),
        ("5.", 5),
        ("+5", 5),
        ("3.0", 3),
        ("99999999999999999999", 10**20),
        ("1.2.3", "1.2.3"),
        ("10.0.0.0/16", "10.0.0.0/16"),
        ("2026-01-01 or so", "2026-01-01 or so"),
        ("!!str 5", "5"),
        ("!!int '7'", 7),
        ("!!int 7", 7),
        ("!!float 7.5", 7.5),
        ('!!bool "true"', True),
        ("!!null ''", None),
        ("\t5", 5),
        ("\tx\t# a comment", "x"),
        ("[\t1,\t2]", [1, 2]),
        ("'012'", "012"),
        ('"x"', "x"),
    ],
)
def test_a_scalar_has_the_same_meaning_as_in_the_engine(word, meaning):
    value = parse(f"key: {word}".encode()).data["key"]
    assert value == meaning
    assert type(value) is type(meaning)


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("012345678901", "without its leading zero"),
        ("089", "without its leading zero"),
        ("2026-01-01", "timestamp"),
        ("2026-01-01T10:00:00Z", "timestamp"),
        (".inf", "finite"),
        ("-.INF", "finite"),
        (".nan", "finite"),
        ("1e400", "too large"),
        ("!!int '7.5'", "tag !!int"),
        ("!!bool 1", "tag !!bool"),
        ("!!int 012", "tag !!int"),
        ("!!python/object:os.system x", "tag"),
        ("!mine {a: 1}", "tag"),
        ('"\\ud800"', "surrogate"),
    ],
)
def test_an_ambiguous_scalar_is_rejected_with_its_line(word, reason):
    document = parse(f"# a comment\nkey: {word}\nright: 1".encode())
    (problem,) = document.problems
    assert (problem.path, problem.line) == (("key",), 2)
    assert reason in problem.message
    assert document.data["right"] == 1


def test_a_value_has_the_position_of_its_key_or_its_own_in_a_list():
    document = parse(b"a:\n  b: 1\n  c:\n    - x\n    - d: 2\n")
    assert document.positions == {
        ("a",): Position(1, 1),
        ("a", "b"): Position(2, 3),
        ("a", "c"): Position(3, 3),
        ("a", "c", 0): Position(4, 7),
        ("a", "c", 1): Position(5, 7),
        ("a", "c", 1, "d"): Position(5, 7),
    }


def test_a_missing_value_has_the_position_of_the_mapping_around_it():
    assert parse(b"a:\n  b: 1\n").at(("a", "missing", 3)) == Position(1, 1)


def test_a_duplicate_key_is_reported_with_both_lines_and_the_first_is_used():
    document = parse(b"a: 1\nb: 2\na: 3\n")
    assert [str(problem) for problem in document.problems] == ["a (line 3) is a duplicate key, already set in line 1"]
    assert document.data == {"a": 1, "b": 2}


@pytest.mark.parametrize("key", ["1", "true", "~", "1.5", "[a]", "{a: b}", "2026-01-01", '"\\ud800"'])
def test_a_key_that_is_not_text_is_rejected(key):
    document = parse(f"a:\n  ? {key}\n  : 1\n".encode())
    (problem,) = document.problems
    assert (problem.path, problem.line) == (("a",), 2)
    assert "not text" in problem.message


def test_an_alias_repeats_a_value_with_the_lines_of_its_anchor():
    document = parse(b"a: &x {p: 1}\nb: *x\n")
    assert document.data == {"a": {"p": 1}, "b": {"p": 1}}
    assert document.positions["b",].line == 2
    assert document.positions["b", "p"].line == 1


def test_a_merge_adds_the_keys_that_the_mapping_does_not_set():
    document = parse(
        b"a: &a {p: 1, q: 1}\nb: &b {q: 2, r: 2}\nc: {<<: [*a, *b], p: 3}\nd: {<<: *c}\n".replace(b"c: {", b"c: &c {")
    )
    assert document.problems == []
    assert document.data["c"] == {"p": 3, "q": 1, "r": 2}
    assert document.data["d"] == {"p": 3, "q": 1, "r": 2}
    assert document.positions["d", "r"].line == 2


def test_a_merge_of_a_value_that_is_not_a_mapping_is_rejected():
    (problem,) = parse(b"a:\n  <<: 5\n").problems
    assert problem.line == 2


BOMB = b"a: &a [x, x, x, x, x, x, x, x, x, x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (letter + 1, letter + 1, b", ".join([b"*%c" % letter] * 10)) for letter in b"abcdefgh"
)


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b"a: [", 1, "not valid YAML"),
        (b"a: 1\nb: c: d", 2, "not valid YAML"),
        (b"a: 1\nb: *x", 2, "undefined alias; put text that starts with [*] in quotes"),
        (b"a:\n\tb: 1", 2, "a tab where YAML allows only spaces"),
        (b"a: 1\r\tb: 1", 2, "a tab where YAML allows only spaces"),
        ("a: 1\u2028b: [".encode(), 2, "not valid YAML"),
        (b"a: 1\nb: \xff", 2, "not UTF-8"),
        (b"a: 1\nb: \x07", 2, "control character"),
        (b"a: 1\n---\nb: 1", 2, "another document"),
        (b"a: &a [*a]", 1, "more than 40 levels deep"),
        (b"a: &a {<<: *a}", 1, "more than 40 levels deep"),
        (b"[" * 100_000, 1, "more than 40 levels deep"),
        (b"a: 1\n" * MAX_BYTES, None, "bytes"),
        (BOMB, 1, f"more than {MAX_VALUES} values"),
    ],
)
def test_an_unreadable_file_is_one_problem_within_2_seconds(content, line, message):
    start = time.monotonic()
    with pytest.raises(YamlError, match=message) as error:
        parse(content)
    assert error.value.problem.line == line
    assert time.monotonic() - start < 2


@pytest.mark.parametrize("content", [b"", b"# only a comment\n", b"---\n"])
def test_a_file_without_a_value_is_none(content):
    assert parse(content).data is None


def test_a_byte_order_mark_and_windows_line_ends_are_accepted():
    assert parse("\ufeffa: 1\r\nb: ü 😀\r\n".encode()).data == {"a": 1, "b": "ü 😀"}


@pytest.mark.parametrize(
    ("word", "changed"), [("7", False), ("-7", False), ("0", False), ("1.0", True), ("1_000", True)]
)
@pytest.mark.parametrize("section", ["a", "b"])
def test_the_spelling_of_an_integer_that_is_not_plain_digits_is_recorded(section, word, changed):
    document = parse(f"a: {{b: {word}}}\nb: {{b: [{word}]}}\nc: '{word}'\n".encode())
    at = {"a": ("a", "b"), "b": ("b", "b", 0)}[section]
    assert (document.respelled.get(at) == word) is changed
    assert (document.under((section,)).respelled.get(at[1:]) == word) is changed
    assert ("c",) not in document.respelled


@pytest.mark.parametrize("word", ["+7", "0x1f", "0b1", "0o7", "1e3", "7.", "7_0"])
def test_every_such_spelling_of_an_integer_is_recorded(word):
    assert parse(f"a: {word}".encode()).respelled == {("a",): word}


@pytest.mark.parametrize("written", ["*Hunter2x", "!Hunter2x", "!Hunter2x 9", "!Hunter!2x", "!Hunter2x [1]"])
def test_a_password_that_starts_like_an_alias_or_a_tag_is_hidden(written: str) -> None:
    try:
        problems = parse(f"password: {written}\n".encode()).problems
    except YamlError as error:
        problems = [error.problem]
    (message,) = map(str, problems)
    assert "Hunter" not in message
    assert "2x" not in message
    assert "in quotes" in message
