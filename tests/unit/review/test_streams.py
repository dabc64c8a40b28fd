"""Engine output in various situations, with golden reviews."""

from collections.abc import Callable, Iterator
from datetime import date
from html import escape
from pathlib import Path

import pytest

from mlpctl.review import assemble
from mlpctl.review.cost import book
from mlpctl.review.reading import reader
from mlpctl.review.report.model import Report
from mlpctl.review.writers.html import html
from mlpctl.review.writers.markdown import markdown
from unit.review.test_terminal import printed

FOLDER = Path(__file__).parent / "streams"
FILES = sorted(each for each in FOLDER.iterdir() if each.suffix != ".txt")
DAY = date(2026, 11, 1)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_each_engine_output_gives_its_golden_review(file: Path, golden: Callable[[Path, str], None]) -> None:
    report = assemble.review(reader.load(file), book.load(), DAY)
    golden(FOLDER / f"{file.name}.txt", "\n".join(lines(report)) + "\n")


def lines(report: Report) -> Iterator[str]:
    """The content of a review without amounts of money, one fact per line."""
    happens, _, *fails = report.verdict.split("; ")
    yield "; ".join([happens, *(each for each in fails if "$" not in each)])
    yield f"exit {report.outcome.value}"
    yield f"counts {' '.join(f'{op.value}={count}' for op, count in report.counts.items()) or 'nothing'}"
    for danger in report.dangers:
        because = f" [{'; '.join(danger.because)}]" if danger.because else ""
        yield f"danger {danger.certainty.value} {danger.harm.value} {danger.op.value}: {danger.text}{because}"
    for group in report.groups:
        for row in group.rows:
            changes = "; ".join(f"{each.path}: {each.old} → {each.new}" for each in row.differences)
            kept = " retained" if row.retained else ""
            happens = f"{row.certainty.value} {row.op.value}{kept}"
            yield f"row {group.title} · {happens} {row.words} {row.name} {changes}".strip()
    for violation in report.violations:
        level = "mandatory" if violation.mandatory else "advisory"
        yield f"violation {level} {violation.policy} {violation.name}: {violation.text}"
    yield from (f"output {each.path}: {each.old} → {each.new}" for each in report.outputs)
    yield from (f"note {each}" for each in report.notes)
    yield from (f"message {each}" for each in report.messages)
    yield from (f"not checked {each.what}" for each in report.unchecked)
    if report.incomplete:
        yield f"incomplete {report.incomplete}"


SHOWN = {
    "policies.ndjson": [
        "mandatory policy no-public of guards",
        "no bucket is public",
        "advisory policy tags of guards",
    ],
    "outputs.ndjson": ["Changed stack outputs", "endpoint", "https://b"],
    "renamed-object.json": ["Notes", "both name the same resource", "An alias for"],
    "retained-deleted.json": ["no longer managed", "retained"],
    "retained-replaced.json": ["the old one is retained and no longer managed"],
    "pending-replacement-removed.json": ["gone already"],
    "refresh-only.json": ["Refresh (only the state changes)", "changed outside of Pulumi"],
    "module-views.json": ["Module m", "db-0", "logs"],
    "names-with-colons.json": ["team-a::logs", "team-b::logs"],
    "old-copy-beside-same.json": ["orders (old copy orders-0)"],
    "cut-steps.json": ["Listed changes: none", "The engine counts 2 to delete"],
    "nothing.json": ["old copies", "--show-replacement-steps", "Policy violations and changed stack outputs"],
}
"""Texts that every format of a review contains."""


@pytest.mark.parametrize("form", [markdown, html, printed])
@pytest.mark.parametrize("name", SHOWN)
def test_every_format_shows_it(name: str, form: Callable[[Report], str]) -> None:
    report = assemble.review(reader.load(FOLDER / name), book.load(), DAY)
    shown = " ".join(form(report).replace("`", "").replace("<code>", "").replace("</code>", "").split())
    assert [words for words in SHOWN[name] if escape(words) not in shown and words not in shown] == []


def completed(events: bytes) -> Report:
    digest = (FOLDER / "nothing.json").read_text()
    return assemble.review(reader.read(digest, shows_replacements=True, events=events), book.load(), DAY)


def test_a_digest_is_completed_from_the_events_of_the_same_preview() -> None:
    report = completed((FOLDER / "outputs.ndjson").read_bytes())
    assert [each.path for each in report.outputs] == ["arn", "endpoint", "gone"]
    assert (report.unchecked, report.incomplete) == ((), "")
    assert report.verdict.startswith("3 changed stack outputs")


@pytest.mark.parametrize("events", [b"", b"no events", (FOLDER / "events-cut-off.ndjson").read_bytes()])
def test_incomplete_events_do_not_change_a_digest(events: bytes) -> None:
    report = completed(events)
    assert [each.what for each in report.unchecked] == ["Policy violations and changed stack outputs"]
    assert report.incomplete == ""


def test_an_error_in_the_events_makes_a_digest_incomplete() -> None:
    assert completed((FOLDER / "engine-error.ndjson").read_bytes()).outcome.value == 3
