"""Abbreviated values: bounded for every size, with a note about what was cut."""

import pytest

from mlpctl.review.values.plain import UNKNOWN, Secret
from mlpctl.review.values.short import MAX_LINE, MAX_LINES, MAX_VALUE, excerpt, pair, short
from review_plans import bounded

NOTE = 40
"""Space for the note about what was cut."""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("words", "words"),
        (True, "true"),
        (5, "5"),
        (None, "null"),
        (["a", 1], '["a", 1]'),
        (UNKNOWN, "(known after the update)"),
        (Secret("key name", b"m"), "(secret)"),
        ({"a": Secret("secret", b"m"), "b": UNKNOWN}, '{"a": "(secret)", "b": "(known after the update)"}'),
        ("one\ntwo\nthree", "one… (2 more lines)"),
        ("x" * (MAX_VALUE + 7), "x" * MAX_VALUE + "… (7 more characters)"),
        (
            {"4dabf18193072939515e22adb298388d": "c44067f5952c0a294b673a41bacd8c17", "hash": "ab" * 32},
            "(file abababababab)",
        ),
    ],
)
def test_an_abbreviated_value(value: object, text: str) -> None:
    assert short(value) == text


@pytest.mark.parametrize("value", ["x" * 1_000_000, ["x" * 10] * 10_000, {str(n): n for n in range(10_000)}])
def test_a_large_value_is_bounded(value: object) -> None:
    assert len(short(value)) <= MAX_VALUE + NOTE


def test_long_texts_are_shown_where_they_differ() -> None:
    old, new = pair("a" * 5_000 + "OLD" + "z" * 5_000, "a" * 5_000 + "NEW" + "z" * 5_000)
    assert "OLD" in old and "NEW" in new
    assert max(len(old), len(new)) <= MAX_VALUE + NOTE


def test_an_excerpt_shows_the_changed_lines_at_their_places() -> None:
    lines = [f"line {number}" for number in range(1, 101)]
    after = [*lines[:49], "other", *lines[50:]]
    assert excerpt("\n".join(lines), "\n".join(after)).splitlines() == [
        "@@ -48,5 +48,5 @@",
        " line 48",
        " line 49",
        "-line 50",
        "+other",
        " line 51",
        " line 52",
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\n".join("ab"[n % 2] for n in range(20_000)), "\n".join("ba c"[n % 4] for n in range(19_999))),
        ("\n".join(map(str, range(10_000))), "\n".join(map(str, range(10_000, 20_000)))),
        ("\n".join("x" * 10_000 for _ in range(50)), "\n".join("y" * 10_000 for _ in range(50))),
        ("same\n" * 400, "other\nsame\n" * 200),
        # Every second line differs, which is the worst case for difflib.
        tuple("\n".join(f"{n} same\n{n} {side}" for n in range(5_000)) for side in ("old", "new")),
    ],
)
@bounded
def test_an_excerpt_is_bounded_in_size_and_time(old: str, new: str) -> None:
    lines = excerpt(old, new).splitlines()
    assert len(lines) <= MAX_LINES
    assert all(len(line) <= MAX_LINE + NOTE for line in lines)


def test_an_excerpt_says_how_much_it_omits() -> None:
    old, new = ("\n".join(f"{word} {number}" for number in range(100)) for word in ("old", "new"))
    assert excerpt(old, new).splitlines()[-1] == "… 178 more lines"
