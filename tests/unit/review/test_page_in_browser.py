"""The page in a real browser: it works, and only its own script has an effect."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlpctl.review.writers.html import html
from mlpctl.text import shorten, visible
from unit.review import reports
from unit.review.browser import CHROMIUM, Tab, browser
from unit.review.hostile import NAMES
from unit.review.poison import poison
from unit.review.test_inert import everything

pytestmark = [pytest.mark.engine, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on PATH")]

SHOWN = "[...document.querySelectorAll('.row')].filter(row => row.checkVisibility()).length"


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    for make in reports.ALL:
        (folder / f"{make.__name__}.html").write_text(html(make()), encoding="utf-8")
    return folder


@pytest.fixture(autouse=True)
def nothing_is_asked_for_and_nothing_complains(tab: Tab) -> Iterator[None]:
    for entries in (tab.requests, tab.dialogs, tab.complaints):
        entries.clear()
    yield
    tab.settle()
    assert [each for each in tab.requests if not each.startswith(("file:", "data:"))] == []
    assert tab.dialogs == []
    assert tab.complaints == []


def test_hostile_names_are_displayed_and_have_no_effect(tab: Tab, tmp_path: Path) -> None:
    for number, name in enumerate(NAMES.values()):
        page = tmp_path / f"{number}.html"
        page.write_text(html(poison(everything(), name)), encoding="utf-8")
        tab.open(page)
        tab.run("for (const each of document.querySelectorAll('details')) each.open = true")
        assert tab.run("typeof window.owned") == "undefined"
        shown = tab.run("document.querySelector('.row .name').textContent")
        assert shown == shorten(visible(name), 4_000)
        assert (
            tab.run(
                "document.querySelectorAll('img, iframe, object, embed, base, form:not([id]):not([method])').length"
            )
            == 0
        )
        assert tab.run("document.scripts.length") == 1


def test_an_injected_script_does_not_run(tab: Tab, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    text = html(reports.nothing())
    page.write_text(
        text.replace("</main>", "<script>window.owned = 1</script><img src=x onerror='window.owned=1'></main>")
    )
    tab.open(page)
    assert tab.run("typeof window.owned") == "undefined"
    assert any("Content Security Policy" in each for each in tab.complaints)
    tab.complaints.clear()


def test_search_shows_changes_that_contain_all_words(tab: Tab, pages: Path) -> None:
    tab.open(pages / "first_creation.html")
    assert tab.run("document.querySelector('#shown').value") == "27 in total"
    tab.press("/")
    tab.type("node group g6e.12xlarge")
    assert tab.run("[...document.querySelectorAll('.row:not([hidden]) .name')].map(e => e.textContent)") == [
        "inference-nodes"
    ]
    assert tab.run("document.querySelector('#shown').value") == "1 of 27"
    tab.press("Escape")
    assert tab.run(SHOWN) == 27


def test_a_search_without_results_says_so(tab: Tab, pages: Path) -> None:
    tab.open(pages / "first_creation.html")
    tab.press("/")
    tab.type("no such thing")
    assert tab.run(SHOWN) == 0
    assert tab.run("document.querySelector('#none').checkVisibility()")
    tab.click("#clear")
    assert tab.run(SHOWN) == 27


def test_operation_harm_and_component_can_be_filtered(tab: Tab, pages: Path) -> None:
    tab.open(pages / "pool_changed.html")
    tab.click("[data-op=replace]")
    assert tab.run(SHOWN) == 2
    tab.run("harm.value = 'dropsCapacity'; harm.dispatchEvent(new Event('change'))")
    assert tab.run(SHOWN) == 1
    tab.click("[data-op=replace]")
    tab.run("harm.value = ''; component.value = 'g1'; component.dispatchEvent(new Event('change'))")
    assert tab.run("[...document.querySelectorAll('.row:not([hidden]) .name')].map(e => e.textContent)") == [
        "assistant-deployment"
    ]


def test_keys_collapse_and_expand_everything(tab: Tab, pages: Path) -> None:
    tab.open(pages / "pool_changed.html")
    assert tab.run(SHOWN) == 3
    tab.press("u")
    assert tab.run(SHOWN) == 0
    tab.press("u")
    assert tab.run(SHOWN) == 3
    tab.press("j")
    tab.press("o")
    assert tab.run(SHOWN) == 1


def test_keys_navigate_between_changes(tab: Tab, pages: Path) -> None:
    tab.open(pages / "pool_changed.html")
    name = "document.activeElement.querySelector('.name').textContent"
    visited = []
    for key in "jjjjk":
        tab.press(key)
        visited.append(tab.run(name))
    nodes, template, service = "inference-nodes", "inference-template", "assistant-deployment"
    assert visited == [nodes, template, service, service, template]


def test_help_opens_and_closes(tab: Tab, pages: Path) -> None:
    tab.open(pages / "pool_changed.html")
    tab.press("?")
    assert tab.run("help.open")
    tab.press("j")
    assert tab.run("help.open && !document.activeElement.closest('.row')")
    tab.click("#help button")
    assert not tab.run("help.open")


def test_a_danger_links_to_its_change_even_if_that_is_filtered_out(tab: Tab, pages: Path) -> None:
    tab.open(pages / "pool_changed.html")
    tab.click("[data-op=update]")
    tab.click(".dangers a")
    tab.wait("document.querySelector('.row:target')?.checkVisibility()")
    assert tab.run("document.querySelector('.row:target .name').textContent") == "inference-nodes"


def test_dark_mode_follows_the_system_or_the_reader(tab: Tab, pages: Path) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    tab.open(pages / "pool_changed.html")
    light = tab.run(background)
    tab.open(pages / "pool_changed.html", dark=True)
    dark = tab.run(background)
    assert dark != light
    tab.press("t")
    assert tab.run(background) == light
    tab.click("#theme")
    assert tab.run(background) == dark
    tab.run("localStorage.clear()")


@pytest.mark.parametrize("width", [390, 760, 1_400])
def test_nothing_overflows_the_window(tab: Tab, pages: Path, tmp_path: Path, width: int) -> None:
    long = tmp_path / "long.html"
    long.write_text(html(poison(everything(), "x" * 500)), encoding="utf-8")
    for page in (*pages.glob("*.html"), long):
        tab.open(page, width=width)
        assert tab.run("document.documentElement.scrollWidth") <= width, page.name


def test_2000_resources_are_filtered_immediately(tab: Tab, pages: Path) -> None:
    began = time.monotonic()
    tab.open(pages / "many.html")
    assert time.monotonic() - began < 10
    tab.press("/")
    began = time.monotonic()
    tab.type("shard-1999")
    assert time.monotonic() - began < 5
    assert tab.run(SHOWN) == 1
    tab.press("Escape")
    assert tab.run("document.querySelectorAll('.row:not([hidden])').length") == 2_000


def test_the_page_works_without_scripts(tab: Tab, pages: Path) -> None:
    tab.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        tab.open(pages / "pool_changed.html")
        assert tab.run(SHOWN) == 3
    finally:
        tab.call("Emulation.setScriptExecutionDisabled", value=False)


def test_everything_is_expanded_in_print(tab: Tab, pages: Path) -> None:
    tab.open(pages / "many.html")
    tab.run("dispatchEvent(new Event('beforeprint'))")
    assert tab.run("document.querySelectorAll('details:not([open])').length") == 0
    tab.run("dispatchEvent(new Event('afterprint'))")
    assert tab.run("document.querySelectorAll('.group[open]').length") == 0
