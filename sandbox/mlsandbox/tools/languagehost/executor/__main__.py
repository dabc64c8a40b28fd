"""Runs a Pulumi program: `python FOLDER_OF_THIS SETTINGS LIFELINE PROGRAM [ARGUMENT…]`.

`SETTINGS` is a JSON object with the arguments of `pulumi.runtime.Settings`. `LIFELINE` is a file descriptor that
reaches end-of-file when the language host ends. `PROGRAM` is a Python file or a folder with a `__main__.py`. The
stack's config is in the environment.

This file runs with the program's interpreter, so it does not import this package. It has its own folder because Python
adds that folder to the import path of the program.
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
    sys.exit(f"{sys.executable} has no module {missing.name}: install the package pulumi for it")

EXPLAINED_EXIT_CODE = 32
"""Exit code that tells the language host that the error message was already shown to the user."""


def main() -> int:
    """Run the program and return the process's exit code."""
    settings = _settings(json.loads(sys.argv[1]))
    _end_with(int(sys.argv[2]))
    program = Path(sys.argv[3]).absolute()
    sys.argv = sys.argv[3:]
    del sys.path[0]
    # By default Python buffers 8 KiB for a pipe: the user would see no output until the program ends.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)

    pulumi.runtime.set_all_config(pulumi.runtime.get_config_env(), pulumi.runtime.get_config_secret_keys_env())
    pulumi.runtime.configure(settings)

    source = program / "__main__.py" if program.is_dir() else program
    if not source.is_file():
        pulumi.log.error(f"There is no {source}: a Pulumi program in Python is a folder with a __main__.py or a file")
        return EXPLAINED_EXIT_CODE
    # A failed program leaves futures that nothing awaits. asyncio would report each of them to the user.
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
    # The program's virtual environment may contain an older SDK.
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
    # A resource occupies a thread while the engine processes it, and its inputs may occupy more.
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
    """The traceback from the first line of the user's program on, without the frames above it."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != str(source):
        trace = trace.tb_next
    if trace is None and not isinstance(error, SyntaxError):
        trace = error.__traceback__
    return "".join(traceback.format_exception(type(error), error, trace))


if __name__ == "__main__":
    sys.exit(main())
