"""Runs a program that ends when its parent ends: `python bound.py PARENT_PID PROGRAM ARGUMENTS...`.

This is a separate script, run by path and without imports of this package, because the caller has threads and must not
run Python code between fork and exec (`preexec_fn` can deadlock).

On Linux the kernel kills the program when the *thread* that started it ends. On other systems the program continues
after its daemon was killed; the next command finds it in the record and ends it.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    """Bind this process to its parent and execute the program."""
    parent, *command = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != int(parent):
            sys.exit("the parent process ended before its child started")
    # Python ignores SIGPIPE, and the program would inherit that.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
