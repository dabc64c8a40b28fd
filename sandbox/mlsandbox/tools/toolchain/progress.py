"""Shows the progress of long steps to the user."""

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, ProgressColumn, SpinnerColumn, Task, TaskID, TextColumn, TimeElapsedColumn
from rich.progress_bar import ProgressBar


class Step(Protocol):
    """A running step."""

    def advance(self, done: int, total: int) -> None:
        """Show how much of the step is done, in any unit."""

    def detail(self, text: str) -> None:
        """Show the current activity, instead of the previous one."""


class Reporter(Protocol):
    """Shows progress. Thread-safe."""

    def step(self, title: str, usual_seconds: float | None = None) -> AbstractContextManager[Step]:
        """Show a step during the context. If an exception leaves the context, the step is shown as stopped."""

    def note(self, text: str) -> None:
        """Print a line that stays on the screen."""


class SilentReporter:
    """Shows nothing."""

    @contextmanager
    def step(self, title: str, usual_seconds: float | None = None) -> Iterator[Step]:
        """A step that is not shown."""
        yield _SilentStep()

    def note(self, text: str) -> None:
        """Ignore the text."""


class _SilentStep:
    def advance(self, done: int, total: int) -> None: ...

    def detail(self, text: str) -> None: ...


class RichReporter:
    """Shows steps on a console: as live bars on a terminal, otherwise as one line per event.

    While a step runs on a terminal, print to the same console, so that the lines appear above the bars.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._lock = threading.Lock()
        self._progress: Progress | None = None
        self._running = 0

    @contextmanager
    def step(self, title: str, usual_seconds: float | None = None) -> Iterator[Step]:
        """Show a step during the context, and then print one line with its duration."""
        begun = time.monotonic()
        step = self._begin(title, usual_seconds)
        try:
            yield step
        except BaseException:
            self._end(step)
            self.note(f"✗ {title}: stopped after {duration(time.monotonic() - begun)}")
            raise
        self._end(step)
        self.note(f"✓ {title}: {duration(time.monotonic() - begun)}")

    def note(self, text: str) -> None:
        """Print a line above the bars."""
        self._console.print(escape(text), highlight=False, soft_wrap=True)

    def _begin(self, title: str, usual_seconds: float | None) -> "_LiveStep | _PlainStep":
        usual = f"usually about {_rounded(usual_seconds)} on two cores" if usual_seconds else ""
        if not self._console.is_terminal:
            self.note(f"{title}{f', {usual}' if usual else ''} …")
            return _PlainStep(title, self)
        with self._lock:
            if self._progress is None:
                self._progress = _bars(self._console)
                self._progress.start()
            self._running += 1
            task = self._progress.add_task(escape(title), total=None, usual=usual, usual_seconds=usual_seconds)
            return _LiveStep(self._progress, task, usual)

    def _end(self, step: "_LiveStep | _PlainStep") -> None:
        if isinstance(step, _PlainStep):
            return
        with self._lock:
            step.remove()
            self._running -= 1
            if self._running == 0 and self._progress is not None:
                self._progress.stop()
                self._progress = None


class _LiveStep:
    def __init__(self, progress: Progress, task: TaskID, usual: str) -> None:
        self._progress = progress
        self._task = task
        self._usual = usual

    def advance(self, done: int, total: int) -> None:
        self._progress.update(self._task, completed=done, total=total)

    def detail(self, text: str) -> None:
        self._progress.update(self._task, usual=" · ".join(filter(None, [self._usual, escape(text)])))

    def remove(self) -> None:
        self._progress.remove_task(self._task)


class _PlainStep:
    """Prints a line for each quarter of a step whose size is known, so that a log shows progress."""

    def __init__(self, title: str, reporter: RichReporter) -> None:
        self._title = title
        self._reporter = reporter
        self._quarter = 0

    def advance(self, done: int, total: int) -> None:
        quarter = 4 * done // total
        if self._quarter < quarter < 4:
            self._reporter.note(f"{self._title}: {25 * quarter} %")
        self._quarter = max(self._quarter, quarter)

    def detail(self, text: str) -> None: ...


class _Bar(ProgressColumn):
    """The progress if it is known, else the elapsed fraction of the usual time, else a pulse."""

    def render(self, task: Task) -> ProgressBar:
        usual_seconds = task.fields["usual_seconds"]
        if task.total is not None:
            share = task.completed / task.total
        elif usual_seconds is not None:
            share = min((task.elapsed or 0) / usual_seconds, 0.95)
        else:
            share = None
        return ProgressBar(total=1, completed=share or 0, width=30, pulse=share is None, animation_time=task.get_time())


def _bars(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        _Bar(),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[usual]}"),
        console=console,
        transient=True,
    )


def duration(seconds: float) -> str:
    """A duration as text: `45 s`, `3 min`, `6 min 40 s`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


def _rounded(seconds: float) -> str:
    return duration(60 * round(seconds / 60)) if seconds >= 90 else duration(max(5, 5 * round(seconds / 5)))
