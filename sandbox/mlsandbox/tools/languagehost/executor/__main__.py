"""Runs a Pulumi program: `python FOLDER_OF_THIS SETTINGS LIFELINE PROGRAM [ARGUMENT…]`.

`SETTINGS` is a JSON object of `pulumi.runtime.Settings`, `LIFELINE` a file descriptor that reaches its end when the
language host does, `PROGRAM` a Python file or a folder with a `__main__.py`. The stack's config is in the environment.

This file runs under the program's own Python, so it imports nothing of this package. It lies in a folder of its own
because Python puts that folder on the program's import path.
"""

import asyncio
import inspect
import io
import json
import logging
import os
import runpy
import signal
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

try:
    import pulumi
    import pulumi.runtime
except ModuleNotFoundError as missing:
    sys.exit(f"{sys.executable} has no module {missing.name}: install the package pulumi there")

EXPLAINED_EXIT_CODE = 32
"""What language hosts take as: the user has been told why."""


def main() -> int:
    """Run the program and return the process's exit code."""
    settings = _settings(json.loads(sys.argv[1]))
    _end_with(int(sys.argv[2]))
    program = Path(sys.argv[3]).absolute()
    sys.argv = sys.argv[3:]
    del sys.path[0]
    # A pipe's default is a block of 8 KiB: the user would see nothing until the program ends.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)

    pulumi.runtime.set_all_config(pulumi.runtime.get_config_env(), pulumi.runtime.get_config_secret_keys_env())
    pulumi.runtime.configure(settings)

    source = program / "__main__.py" if program.is_dir() else program
    if not source.is_file():
        pulumi.log.error(f"There is no {source}: a Pulumi program in Python is a folder with a __main__.py, or a file")
        return EXPLAINED_EXIT_CODE
    # A program that fails leaves futures behind that nobody awaits; asyncio would report each to the user.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    try:
        _run(program, settings.parallel)
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return EXPLAINED_EXIT_CODE
    except Exception as error:
        pulumi.log.error("Program failed with an unhandled exception:\n" + _explanation(error, source))
        return EXPLAINED_EXIT_CODE
    finally:
        sys.stdout.flush()
    return 0


def _settings(given: dict[str, Any]) -> pulumi.runtime.Settings:
    # The program's virtual environment may hold an older SDK.
    known = inspect.signature(pulumi.runtime.Settings).parameters
    return pulumi.runtime.Settings(**{name: value for name, value in given.items() if name in known})


def _end_with(lifeline: int) -> None:
    def watch() -> None:
        os.read(lifeline, 1)
        os.killpg(os.getpgrp(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def _run(program: Path, parallel: int) -> None:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    # A resource in flight holds a thread while the engine works on it, and its inputs may hold more.
    threads = ThreadPoolExecutor(max_workers=max(parallel, 1) * 4)
    loop.set_default_executor(threads)

    def run() -> None:
        runpy.run_path(str(program), run_name="__main__")

    try:
        loop.run_until_complete(pulumi.runtime.run_in_stack(run))
    finally:
        threads.shutdown(wait=True)
        loop.close()


def _explanation(error: Exception, source: Path) -> str:
    """The traceback from the user's own first line on, without the machinery above it."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != str(source):
        trace = trace.tb_next
    if trace is None and not isinstance(error, SyntaxError):
        trace = error.__traceback__
    return "".join(traceback.format_exception(type(error), error, trace))


if __name__ == "__main__":
    sys.exit(main())
