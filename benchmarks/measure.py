"""Measure and compare runs of commands."""

import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

SAMPLE_S = 0.05
"""Seconds between two samples of the memory of a process and its children."""

MIB = 2**20


@dataclass(frozen=True)
class Run:
    """One run of a command."""

    seconds: float
    peak_mib: float
    """Peak resident memory of the command and its child processes in MiB."""


class BenchmarkError(Exception):
    """A command of a benchmark failed; the text is for the user."""


def run(command: Sequence[str], cwd: Path, env: Mapping[str, str]) -> Run:
    """Run a command, and measure it.

    Raises:
        BenchmarkError: The command failed.
    """
    peak, ended = 0.0, threading.Event()

    def watch(process: psutil.Process) -> None:
        nonlocal peak
        while not ended.wait(SAMPLE_S):
            peak = max(peak, _resident_mib(process))

    began = time.perf_counter()
    with subprocess.Popen(
        command, cwd=cwd, env=dict(env), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        watcher = threading.Thread(target=watch, args=(psutil.Process(process.pid),))
        watcher.start()
        output, _ = process.communicate()
        seconds = time.perf_counter() - began
        ended.set()
        watcher.join()
    if process.returncode != 0:
        raise BenchmarkError(f"{' '.join(command)} failed in {cwd}:\n{output}")
    return Run(seconds, peak)


def timed(work: Callable[[], object]) -> Run:
    """Measure a piece of work in this process, without its memory."""
    began = time.perf_counter()
    work()
    return Run(time.perf_counter() - began, 0)


def alternate(rounds: int, **ways: Callable[[], Run]) -> dict[str, list[Run]]:
    """Run each variant once per round, in turn, so that other load on the machine affects all of them."""
    runs: dict[str, list[Run]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            runs[name].append(way())
    return runs


def seconds(runs: Sequence[Run]) -> float:
    """The median time."""
    return statistics.median(run.seconds for run in runs)


def peak_mib(runs: Sequence[Run]) -> float:
    """The median of the peak memory."""
    return statistics.median(run.peak_mib for run in runs)


def _resident_mib(process: psutil.Process) -> float:
    total = 0
    try:
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0
    for each in family:
        try:
            total += each.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total / MIB
