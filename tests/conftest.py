"""Fixtures and options for all tests."""

import gc
import os
import runpy
import signal
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pulumi.runtime.resource
import pytest
from hypothesis import settings
from pulumi.runtime.proto import source_pb2

from mlpctl import config
from mlplatform.testing import Answer, Plan, declare

ROOT = Path(__file__).parents[1]

# The examples are the same in every run, so that only code changes can cause failures. `make fuzz` generates new ones.
settings.register_profile("same", derandomize=True, database=None, deadline=None)
settings.register_profile("slow", max_examples=10_000, deadline=None, print_blob=True)
settings.load_profile("same")


def pytest_configure(config: pytest.Config) -> None:
    # Nothing that collection makes is garbage before the end.
    gc.disable()
    # In a background job of a shell, SIGINT is ignored, and all child processes would inherit this.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _no_stack_traces() -> Iterator[None]:
    """Resources without the source positions of their constructors: Pulumi reads the files of all frames for each."""
    with patch.object(pulumi.runtime.resource, "_get_stack_trace", source_pb2.StackTrace):
        yield


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    options, is_worker = config.option, "PYTEST_XDIST_WORKER" in os.environ
    if getattr(options, "numprocesses", 1) is not None or is_worker:
        return
    if options.markexpr == "not engine":
        # These tests are independent: they run on all processors, with work stealing.
        options.numprocesses, options.dist = "auto", "worksteal"
    elif options.markexpr == "engine":
        # Each process has its own sandbox, which often waits. Tests of one file build on each other.
        options.numprocesses, options.dist = min(2, os.cpu_count() or 1), "loadfile"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite-golden", action="store_true", help="rewrite golden files instead of comparing them")


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The sandbox's AWS provider with its own AWS API (`aws_bench.Bench`). Only one can exist per process."""
    import aws_bench

    with aws_bench.serving(tmp_path_factory.mktemp("sandbox")) as bench:
        yield bench


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """Compares a text with its golden file, or rewrites the file with `--rewrite-golden`."""

    def compare(path: Path, text: str) -> None:
        if request.config.getoption("--rewrite-golden"):
            path.write_text(text)
        assert path.read_text() == text, f"{path.name} differs; run `make golden` to rewrite it, then review the diff"

    return compare


@pytest.fixture(scope="session")
def plan_of(root: Path) -> Callable[[Path], Plan]:
    """The resources that the program declares for a stack file, under mocks. Results are cached by content."""

    @lru_cache(maxsize=8)
    def plan(stack: Path, _: bytes) -> Plan:
        return _declared(root, stack, {})

    return lambda stack: plan(stack, stack.read_bytes())


@pytest.fixture(scope="session")
def plan_with(root: Path) -> Callable[[Path, Mapping[str, Answer]], Plan]:
    """The resources that the program declares for a stack file with other lookup results."""
    return lambda stack, look_ups: _declared(root, stack, look_ups)


def _declared(root: Path, stack: Path, look_ups: Mapping[str, Answer]) -> Plan:
    loaded = config.read(stack)
    with patch.object(config, "load", lambda: loaded.platform):
        program = str(root / "platform" / "__main__.py")
        return declare(lambda: runpy.run_path(program), {"aws:region": loaded.region}, look_ups=look_ups)
