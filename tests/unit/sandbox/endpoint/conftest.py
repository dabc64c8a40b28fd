"""A local AWS API without a control plane, with the network and roles that an EKS cluster requires."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from mlsandbox.errors import SandboxError
from mlsandbox.ground.layout import Layout

REGION = "us-east-1"


def trust(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@dataclass
class Account:
    """An AWS account with a network and roles."""

    layout: Layout

    def __post_init__(self) -> None:
        self._clients: dict[tuple[str, str], Any] = {}
        self.ec2, self.eks, self.iam = (self.client(name) for name in ("ec2", "eks", "iam"))

    def client(self, service: str, region: str = REGION) -> Any:
        if (service, region) not in self._clients:
            key = self.layout.credentials()
            session = boto3.session.Session(key.access_key_id, key.secret_access_key, region_name=region)
            self._clients[service, region] = session.client(service, endpoint_url=self.layout.aws_endpoint)
        return self._clients[service, region]

    def prepare(self) -> "Account":
        self.vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnets = [self.subnet(number) for number in range(2)]
        self.cluster_role = self.role("cluster", "eks.amazonaws.com")
        self.node_role = self.role("node", "ec2.amazonaws.com")
        self.pod_role = self.role("pod", "pods.eks.amazonaws.com")
        return self

    def subnet(self, number: int) -> str:
        made = self.ec2.create_subnet(
            VpcId=self.vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"{REGION}{'ab'[number % 2]}"
        )
        return str(made["Subnet"]["SubnetId"])

    def role(self, name: str, service: str) -> str:
        return str(self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(service))["Role"]["Arn"])

    @property
    def user(self) -> str:
        return str(self.client("sts").get_caller_identity()["Arn"])

    def cluster(self, name: str = "main", **settings: Any) -> dict[str, Any]:
        asked = {
            "roleArn": self.cluster_role,
            "resourcesVpcConfig": {"subnetIds": self.subnets},
            "accessConfig": {"authenticationMode": "API"},
        }
        made: dict[str, Any] = self.eks.create_cluster(name=name, **{**asked, **settings})["cluster"]
        return made

    def nodegroup(self, name: str = "system", **settings: Any) -> dict[str, Any]:
        asked = {"clusterName": "main", "nodeRole": self.node_role, "subnets": self.subnets}
        made: dict[str, Any] = self.eks.create_nodegroup(nodegroupName=name, **{**asked, **settings})["nodegroup"]
        return made

    def empty_eks(self) -> None:
        for cluster in self.eks.list_clusters()["clusters"]:
            for nodegroup in self.eks.list_nodegroups(clusterName=cluster)["nodegroups"]:
                self.eks.delete_nodegroup(clusterName=cluster, nodegroupName=nodegroup)
            if self.eks.describe_cluster(name=cluster)["cluster"]["deletionProtection"]:
                self.eks.update_cluster_config(name=cluster, deletionProtection=False)
            self.eks.delete_cluster(name=cluster)

    def refused(self, operation: str, service: str = "eks", **arguments: Any) -> tuple[str, str]:
        """Code and message of the error that a call returns."""
        with pytest.raises(ClientError) as caught:
            getattr(self.client(service), operation)(**arguments)
        error = caught.value.response["Error"]
        return error["Code"], error["Message"]


class Process:
    """The AWS API in a separate process, because moto's state is per process and other tests use this process's."""

    def __init__(self, layout: Layout, *arguments: str) -> None:
        self.layout = layout
        # An unread pipe would block the process when it is full of moto's tracebacks.
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115  # open while the process runs
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("serving.py")), str(layout.folder), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    def ready(self) -> None:
        assert self._process.stdout is not None
        if self._process.stdout.readline() != "ready\n":
            self._process.communicate()
            raise SandboxError(self._log_text())

    def snapshot(self) -> None:
        """Make the process save its state, and wait for it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print("snapshot", file=self._process.stdin, flush=True)
        assert self._process.stdout.readline() == "done\n"

    def closed(self, server: str, origin: str = "") -> str | None:
        """Why the network blocks `origin` from the cluster at `server`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print("closed", server, origin, file=self._process.stdin, flush=True)
        reason: str | None = json.loads(self._process.stdout.readline())
        return reason

    def stop(self) -> None:
        """Stop the process gracefully; it saves its state."""
        self._process.communicate("")
        assert self._process.returncode == 0, self._log_text()

    def _log_text(self) -> str:
        self._log.seek(0)
        return self._log.read()

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


@contextmanager
def running(layout: Layout, *arguments: str) -> Iterator[Process]:
    process = Process(layout, *arguments)
    try:
        process.ready()
        yield process
    except BaseException:
        process.kill()
        raise
    process.stop()


@pytest.fixture(scope="session")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    layout = Layout(tmp_path_factory.mktemp("aws-api") / "sandbox")
    layout.prepare()
    process = Process(layout)
    process.ready()
    yield process
    # Its state is not used again and need not be saved.
    process.kill()


@pytest.fixture(scope="session")
def served(process: Process) -> Account:
    return Account(process.layout).prepare()


@pytest.fixture
def account(served: Account) -> Iterator[Account]:
    yield served
    served.empty_eks()


@pytest.fixture
def run() -> Callable[..., AbstractContextManager[Process]]:
    """Starts and stops an AWS API for the test alone."""
    return running


@pytest.fixture
def begin() -> Callable[[Layout], Process]:
    """Starts an AWS API for the test to kill."""

    def started(layout: Layout) -> Process:
        process = Process(layout)
        process.ready()
        return process

    return started


@pytest.fixture
def new_account() -> Callable[[Layout], Account]:
    return Account
