"""Runs a program that ends when its parent does: `python bound.py PARENT_PID PROGRAM ARGUMENTS...`.

Run by path and before anything is imported: the caller has threads, so it must not run Python between fork and exec
itself (`preexec_fn` may deadlock there).

On Linux the kernel kills the program when the *thread* that started it ends. Elsewhere nothing does; there a leftover
of a killed daemon is ended by the next command, which knows it from the record.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    """Bind this process to its parent and become the program."""
    parent, *command = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != int(parent):
            sys.exit("the parent ended before its child began")
    # Python ignores it at start-up, and an ignored signal stays ignored over exec.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
