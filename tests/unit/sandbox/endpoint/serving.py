"""Serve the AWS API of the sandbox in the given folder until the end of the standard input.

With `kubernetes` as second argument, EKS waits for a control plane, which no test in this folder starts. Commands from
the standard input: `snapshot` saves the state, `closed SERVER [ORIGIN]` prints why the network blocks ORIGIN from
SERVER.
"""

import json
import sys
from pathlib import Path

from mlsandbox.endpoint.eks import reach
from mlsandbox.errors import SandboxError
from mlsandbox.ground.layout import Layout
from mlsandbox.host import aws_api

try:
    api = aws_api.serve(Layout(Path(sys.argv[1])), kubernetes=sys.argv[2:] == ["kubernetes"])
except SandboxError as problem:
    sys.exit(str(problem))
print("ready", flush=True)
for line in sys.stdin:
    if line == "snapshot\n":
        api.snapshot()
        print("done", flush=True)
    elif line.startswith("closed "):
        print(json.dumps(reach.closed(*line.split()[1:])), flush=True)
api.stop()
