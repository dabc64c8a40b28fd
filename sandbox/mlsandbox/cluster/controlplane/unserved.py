"""Answers requests to a forwarded port of a pod: `python unserved.py`, with the connection as its input and output.

kwok starts one process per connection, so this script is run by its path and does not import this package.
"""

import os
import sys

REASON = (
    "The sandbox scheduled this pod and shows it as Running, but there is no container. It has no output and does not "
    "respond to requests."
)


def main() -> None:
    """Read a request and respond with HTTP 503 and the reason."""
    os.read(sys.stdin.fileno(), 1 << 16)
    body = f"{REASON}\n"
    head = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nConnection: close\r\n"
    sys.stdout.write(f"{head}Content-Length: {len(body)}\r\n\r\n{body}")


if __name__ == "__main__":
    main()
