"""What stands behind a forwarded port of a pod: `python unserved.py`, with the connection as its input and output.

Run by path, without anything of this package: kwok starts one for each connection.
"""

import os
import sys

REASON = (
    "The sandbox has scheduled this pod and shows it Running, but runs no container: there is no output, and nothing "
    "that answers."
)


def main() -> None:
    """Read a request, of which HTTP's ends in an empty line at first, and answer that nobody serves it."""
    os.read(sys.stdin.fileno(), 1 << 16)
    body = f"{REASON}\n"
    head = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nConnection: close\r\n"
    sys.stdout.write(f"{head}Content-Length: {len(body)}\r\n\r\n{body}")


if __name__ == "__main__":
    main()
