"""Reports as HTML, without a browser."""

import base64
import hashlib
import re
from collections.abc import Callable
from functools import cache
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlpctl.review.report.model import Report
from mlpctl.review.writers import picture
from mlpctl.review.writers.html import html
from mlpctl.text import shorten, visible
from unit.review import reports
from unit.review.hostile import NAMES
from unit.review.poison import poison
from unit.review.test_inert import everything


class Page(HTMLParser):
    """The tags with their attribute names, and the texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.values: dict[str, list[str]] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(f"{tag} {' '.join(name for name, _ in attrs)}")
        for name, value in attrs:
            self.values.setdefault(name, []).append(value or "")

    def handle_endtag(self, tag: str) -> None:
        self.tags.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@cache
def _plain() -> Page:
    return Page(html(poison(everything(), "plain")))


@cache
def _page(make: Callable[[], Report]) -> Page:
    return Page(html(make()))


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_hostile_name_is_only_text(name: str) -> None:
    name = name.replace("\n", " ").replace("\r", " ")  # lines of messages are lines of the page
    plain, page = _plain(), Page(html(poison(everything(), name)))
    assert page.tags == plain.tags
    assert any(shorten(visible(name), 4_000) in text for text in page.texts)
    assert page.values["href"] == plain.values["href"]


@pytest.mark.engine  # takes seconds
@pytest.mark.parametrize("make", reports.ALL)
def test_the_page_is_self_contained(make: Callable[[], Report]) -> None:
    page = _page(make)
    assert {value for value in page.values["href"] if not value.startswith("#")} == {"data:,"}
    assert not {"src", "srcset", "action", "style", "data"} & {*page.values}
    assert all(re.fullmatch(r"#[\w-]+", value) for value in page.values["href"] if value != "data:,")


def test_the_content_security_policy_allows_only_the_pages_own_style_and_script() -> None:
    text = html(reports.first_creation())
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy
    rules = dict(rule.strip().split(" ", 1) for rule in policy[1].replace("&#39;", "'").split(";"))
    assert rules["default-src"] == "'none'"
    for kind, tag in (("style-src", "style"), ("script-src", "script")):
        (body,) = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        assert rules[kind] == f"'sha256-{base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()}'"


def test_every_link_has_a_target() -> None:
    for make in reports.ALL:
        page = _page(make)
        assert {value[1:] for value in page.values["href"] if value.startswith("#")} <= {*page.values["id"]}
        assert len(page.values["id"]) == len({*page.values["id"]})


def test_the_verdict_the_dangers_and_their_safeguards_are_visible_without_a_script() -> None:
    texts = " ".join(" ".join(Page(html(reports.bucket_deleted())).texts).split())
    for expected in ("2 delete; -$11.50 per month", "will destroy data", "protected", "retained", "models-bucket"):
        assert expected in texts
    assert "sandbox plan" not in texts
    assert "sandbox plan" in html(reports.first_creation())


def test_possible_and_certain_replacements_are_distinguished() -> None:
    text = html(reports.pool_changed())
    assert re.search(r'class="op replace"><span[^>]*>±</span>will replace', text)
    assert re.search(r'class="op replace may"><span[^>]*>±</span>may replace', text)


def test_2000_resources_are_all_included_and_collapsed() -> None:
    text = html(reports.many())
    assert text.count('class="row') == 2_000 + 50  # one list for each component
    assert '<details class="group card" id="g0">' in text
    assert '<details class="group card" id="g0" open>' in html(reports.pool_changed())


def test_exceeded_limits_are_next_to_the_verdict() -> None:
    top = html(reports.limits_broken()).split('id="cost"')[0]
    assert "cost.maxMonthlyUsd</code> is exceeded" in top
    assert "1 object rejected" in top


def test_an_unpriced_resource_never_costs_zero() -> None:
    row = html(reports.first_creation()).split('<span class="title">ImageRegistry images</span>')[1].split("</tr>")[0]
    assert row.count(">—</td>") == 3
    assert "<svg" not in row
    assert "0.00" not in row


def test_a_used_component_is_left_of_its_users() -> None:
    drawn = picture.draw(["pool", "cluster", "network", "alone"], [("pool", "cluster"), ("cluster", "network")])
    x = {box.title: box.x for box in drawn.boxes}
    assert x["network"] < x["cluster"] < x["pool"]
    assert len(drawn.lines) == 2


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=80))
def test_components_do_not_overlap(uses: list[tuple[int, int]]) -> None:
    titles = [f"c{number}" for number in range(31)]
    drawn = picture.draw(titles, [(f"c{one}", f"c{other}") for one, other in uses])
    assert [box.title for box in drawn.boxes] == titles
    for one in drawn.boxes:
        assert 0 <= one.x <= drawn.width - picture.WIDTH
        assert 0 <= one.y <= drawn.height - picture.HEIGHT
        for other in drawn.boxes:
            apart = abs(one.x - other.x) >= picture.WIDTH or abs(one.y - other.y) >= picture.HEIGHT
            assert one is other or apart
