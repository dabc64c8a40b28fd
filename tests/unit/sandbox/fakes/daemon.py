"""The real daemon with fake services that log their start and stop in the file `services` in the sandbox's folder.

Every record that it writes is also appended as a line to the file `records` there.
"""

import sys
from pathlib import Path

from mlsandbox.errors import SandboxError
from mlsandbox.ground.layout import Layout
from mlsandbox.ground.record import ControllersChanged, ControllerState, Record
from mlsandbox.host.daemon import run
from mlsandbox.host.served import Services

folder = Path(sys.argv[sys.argv.index("--folder") + 1])


class Service:
    def __init__(self, name: str) -> None:
        self.name = name
        self.note("start")
        if (folder / f"broken-{name}").exists():
            raise SandboxError(f"The {name} is broken.")

    def note(self, event: str) -> None:
        with (folder / "services").open("a") as notes:
            notes.write(f"{event} {self.name}\n")

    def stop(self) -> None:
        self.note("stop")

    def stop_controllers(self) -> None:
        self.note("stop-controllers")

    def snapshot(self) -> None:
        self.note("snapshot")
        if (folder / "full").exists():
            raise OSError("no space left")


class Noting(Layout):
    def write_record(self, record: Record) -> None:
        with (folder / "records").open("a") as notes:
            notes.write(f"{record.model_dump_json()}\n")
        super().write_record(record)


def aws_api(layout: Layout, changed: ControllersChanged) -> Service:
    changed({"metrics-server": ControllerState(reason="It is a fake.")})
    return Service("aws-api")


services = Services(
    aws_api=aws_api,
    providers=(lambda layout: Service("aws-provider"), lambda layout: Service("kubernetes-provider")),
)
sys.exit(run(Noting(folder), services))
