"""Text from resources has no effect in any format."""

import re
from functools import cache
from html.parser import HTMLParser

import cmarkgfm
import pytest
from cmarkgfm.cmark import Options
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from mlpctl.review.plan.model import Op
from mlpctl.review.report.model import Difference, Origin, Report, Violation
from mlpctl.review.writers import inert
from mlpctl.review.writers.markdown import markdown
from mlpctl.text import shorten, visible
from unit.review import reports
from unit.review.hostile import NAMES
from unit.review.poison import poison

# Text that GitHub turns into links, images and formulas after parsing Markdown, except in code.
GITHUB_ACTS_ON = re.compile(
    r"@[\w-]|#\d|\bGH-\d|://|\bwww\.|:[\w+-]+:|\$|\b[0-9a-f]{7,40}\b|\[\^|&(?:\w+|#\d+);", re.IGNORECASE
)


class Page(HTMLParser):
    """The tags of a page except those of code, and the texts inside and outside of code."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.outside = ""
        self.inside: list[str] = []
        self._depth = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("code", "pre"):
            self._depth += 1
            self.inside.append("")
        if tag != "code":
            self.tags.append(f"{tag} {attrs}")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("code", "pre"):
            self._depth -= 1
        if tag != "code":
            self.tags.append(f"/{tag}")

    def handle_comment(self, data: str) -> None:
        self.tags.append("comment")

    def handle_data(self, data: str) -> None:
        if self._depth:
            self.inside[-1] += data
        else:
            self.outside += data


def github(text: str) -> Page:
    """Markdown parsed by GitHub's own parser with all extensions."""
    return Page(cmarkgfm.github_flavored_markdown_to_html(text, Options.CMARK_OPT_UNSAFE | Options.CMARK_OPT_FOOTNOTES))


def commonmark(text: str) -> Page:
    return Page(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(text))


def everything() -> Report:
    """A report with all kinds of sections."""
    one, other = reports.pool_changed(), reports.limits_broken()
    return one.model_copy(
        update={
            "limits": other.limits,
            "invalid": other.invalid,
            "unchecked": other.unchecked,
            "messages": ["warning: a name is odd"],
            "notes": ["Bucket logs: both name the same thing"],
            "violations": [
                Violation(policy="tags", pack="guards", mandatory=level, text="no owner", urn="urn", name="logs")
                for level in (True, False)
            ],
            "outputs": [Difference(path="endpoint", old="one", new="two", forces=False)],
            "incomplete": "The program failed.",
            "groups": [*one.groups, *other.groups[:5], *reports.bucket_deleted().groups],
        }
    )


@cache
def _poisoned(name: str) -> str:
    return markdown(poison(everything(), name))


@pytest.mark.parametrize("read", [github, commonmark])
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_hostile_name_is_only_text(name: str, read: object) -> None:
    assert callable(read)
    plain = read(_poisoned("plain"))
    page = read(_poisoned(name))
    assert page.tags == plain.tags
    assert not GITHUB_ACTS_ON.search(page.outside)
    shown = shorten(visible(name), 80).strip()
    assert any(shown in each for each in page.inside) or shown in page.outside


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_the_origin_and_the_reasons_are_only_text_too(name: str) -> None:
    def page(text: str) -> Page:
        row = reports.row("VPC", "net", Op.REPLACE, reasons=("it is tainted",))
        origin = Origin(commit="0123456", run_url="not an address", time="2026-11-28", version="1")
        report = reports.report([reports.group("Network net", "network", [row])], origin=origin)
        return github(markdown(poison(report, text)))

    assert page(name).tags == page("plain").tags
    assert not GITHUB_ACTS_ON.search(page(name).outside)


@pytest.mark.parametrize(
    ("address", "linked"),
    [("https://x.example/a/1", True), ("javascript:alert(1)", False), ("https://x.example/)(", False), ("x", False)],
)
def test_only_addresses_are_links(address: str, linked: bool) -> None:
    assert (inert.link("run", address) == f"[run](<{address}>)") is linked


@given(st.text())
def test_no_text_escapes_its_table_cell(text: str) -> None:
    for shown in (inert.cell(text), inert.prose_cell(text)):
        page = github(f"| a | b |\n| --- | --- |\n| {shown} | end |\n")
        assert page.tags == github("| a | b |\n| --- | --- |\n| x | end |\n").tags
        assert page.outside.rstrip().endswith("end")


@given(st.text(min_size=1))
def test_code_is_displayed_literally(text: str) -> None:
    page = github(f"before {inert.code(text, 10_000)} after")
    assert page.outside.strip() == "before  after"
    shown = visible(text)
    assert page.inside == [shown if shown.strip() else repr(shown)]


@given(st.text())
def test_sentences_contain_no_active_markup(text: str) -> None:
    page = github(inert.prose(text))
    assert set(page.tags) <= {"p []", "/p"}
    assert not GITHUB_ACTS_ON.search(page.outside)


@given(st.lists(st.text()))
def test_no_text_escapes_its_code_fence(lines: list[str]) -> None:
    page = github(f"{inert.fence(map(visible, lines), 'diff')}\n\nafter")
    assert page.tags[-2:] == ["p []", "/p"]
    assert page.outside.strip() == "after"


@given(st.text())
def test_everything_shown_is_visible(text: str) -> None:
    assert visible(text).isprintable()


@pytest.mark.parametrize(
    "kind", ["unseen fillers", "characters of no width", "unusual spaces", "a bidirectional override"]
)
def test_invisible_characters_are_written_as_escapes(kind: str) -> None:
    shown = visible(NAMES[kind])
    assert shown.isascii()
    assert shown.encode().decode("unicode_escape") == NAMES[kind]


def test_plain_sentences_are_unchanged() -> None:
    expected = 'The bucket goes with 1,200 objects (about 40%): nobody can undo "that", not even AWS.'
    assert inert.prose(expected) == expected


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Deletes the NAT gateway main-2: it is lost", "Deletes the NAT gateway `main-2`: it is lost"),
        ("cost.x allows $100.00. It is kept", "`cost.x` allows `$100.00`. It is kept"),
        ("the nodes' disks", "the nodes' disks"),
        ("`pulumi preview --json` does; so", "`pulumi preview --json` does; so"),
        ("ask for `a b`, please", "ask for `a b`, please"),
        ("open on tcp 22 (SSH) and tcp 80-90.", "open on tcp 22 (SSH) and tcp 80-90."),
        ("a (see x_y) b", "a (see `x_y`) b"),
        ("f(x), g", "`f(x),` g"),
        ("no `pair", "no `` `pair ``"),
    ],
)
def test_punctuation_after_a_name_is_not_part_of_the_code(text: str, shown: str) -> None:
    assert inert.prose(text) == shown


def test_truncation_preserves_combining_characters() -> None:
    assert shorten("abce\u0301xyz", 5) == "abc…"


def test_a_stack_name_cannot_close_the_hidden_comment() -> None:
    assert inert.comment("a-->b--!>") == "a-%2D%3Eb-%2D%21%3E"


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_label_contains_no_mermaid_syntax(name: str) -> None:
    assert re.fullmatch(r"[\w .-]+…?|_", inert.label(name))
