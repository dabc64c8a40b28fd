"""The progress of long steps."""

import io
import threading

import pytest
from rich.console import Console

from mlsandbox.tools.toolchain import RichReporter
from mlsandbox.tools.toolchain.progress import duration


def reporter(terminal: bool) -> tuple[RichReporter, io.StringIO]:
    output = io.StringIO()
    return RichReporter(Console(file=output, force_terminal=terminal, width=120)), output


@pytest.mark.parametrize(("seconds", "words"), [(0.4, "0 s"), (45, "45 s"), (180, "3 min"), (400, "6 min 40 s")])
def test_a_duration_as_text(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_without_a_terminal_each_event_is_one_plain_line() -> None:
    report, output = reporter(terminal=False)
    with report.step("Building [x]", 190) as step:
        for done in range(0, 101):
            step.advance(done, 100)
    report.note("Done [y].")
    assert output.getvalue().splitlines() == [
        "Building [x], usually about 3 min on two cores …",
        "Building [x]: 25 %",
        "Building [x]: 50 %",
        "Building [x]: 75 %",
        "✓ Building [x]: 0 s",
        "Done [y].",
    ]


def test_a_terminal_shows_the_usual_time_and_the_detail_and_keeps_one_line() -> None:
    report, output = reporter(terminal=True)
    with report.step("Building [x]", 190) as step:
        step.advance(1, 4)
        step.detail("package [y]")
        assert report._progress is not None
        report._progress.refresh()
    text = output.getvalue()
    assert "usually about 3 min on two cores · package [y]" in text
    assert text.splitlines()[-1].endswith("✓ Building [x]: 0 s")
    assert report._progress is None


@pytest.mark.parametrize("terminal", [True, False])
def test_a_step_that_raises_an_error_is_shown_as_stopped(terminal: bool) -> None:
    report, output = reporter(terminal)
    with pytest.raises(KeyboardInterrupt), report.step("Building"):
        raise KeyboardInterrupt
    assert "✗ Building: stopped after 0 s" in output.getvalue()
    assert "✓" not in output.getvalue()


def test_steps_in_threads_share_one_display_and_printed_lines_are_kept() -> None:
    report, output = reporter(terminal=True)
    both_run = threading.Barrier(3)

    def work(name: str) -> None:
        with report.step(name):
            both_run.wait(10)
            both_run.wait(10)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("etcd", "kwok")]
    for thread in threads:
        thread.start()
    both_run.wait(10)
    report.note("a line of the preview")
    both_run.wait(10)
    for thread in threads:
        thread.join(10)
    text = output.getvalue()
    assert "a line of the preview\n" in text
    assert "✓ etcd" in text
    assert "✓ kwok" in text
    assert report._progress is None
