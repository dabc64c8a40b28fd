"""A cluster of EKS in the sandbox, and clients of it for any identity."""

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import kubernetes
import pytest
import yaml

from mlsandbox.cluster.controlplane import PROGRAMS, ControlPlane
from mlsandbox.ground.layout import Layout
from mlsandbox.ground.record import ControllerState, Phase
from mlsandbox.host import aws_api
from mlsandbox.tools import toolchain

REGION = "us-east-1"


def trust(**principal: str) -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def eventually(condition: Callable[[], Any], timeout_s: float = 30) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "timed out"
        time.sleep(0.1)


def client(kubeconfig: Path) -> Any:
    return kubernetes.config.new_client_from_config(str(kubeconfig))  # type: ignore[no-untyped-call]  # has no annotations


@dataclass
class Bench:
    """A cluster in the sandbox, and clients for any identity."""

    layout: Layout
    folder: Path

    controllers: Mapping[str, ControllerState] = field(default_factory=dict)
    """The states of the cluster's controllers."""

    def aws(self, service: str) -> Any:
        key = self.layout.credentials()
        session = boto3.session.Session(key.access_key_id, key.secret_access_key, region_name=REGION)
        return session.client(service, endpoint_url=self.layout.aws_endpoint)

    def role(self, name: str, **principal: str) -> str:
        made = self.aws("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust(**principal))
        return str(made["Role"]["Arn"])

    def kubeconfig(self, cluster: str, environment: dict[str, str], *options: str) -> Path:
        """A user's kubeconfig: address and CA from EKS, and a command that signs tokens."""
        found = self.aws("eks").describe_cluster(name="main")["cluster"]
        key = self.layout.credentials()
        variables = {
            "AWS_ENDPOINT_URL": self.layout.aws_endpoint,
            "AWS_ACCESS_KEY_ID": key.access_key_id,
            "AWS_SECRET_ACCESS_KEY": key.secret_access_key,
            "AWS_REGION": REGION,
            **environment,
        }
        command = {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": sys.executable,
            "args": ["-m", "mlplatform_eks_token", "--cluster", cluster, *options],
            "env": [{"name": name, "value": value} for name, value in variables.items()],
            "interactiveMode": "Never",
        }
        certificate = found["certificateAuthority"]["data"]
        server = {"server": found["endpoint"], "certificate-authority-data": certificate}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "main", "cluster": server}],
            "users": [{"name": "me", "user": {"exec": command}}],
            "contexts": [{"name": "main", "context": {"cluster": "main", "user": "me"}}],
            "current-context": "main",
        }
        path = self.folder / f"kubeconfig-{len(list(self.folder.iterdir()))}"
        path.write_text(yaml.safe_dump(config))
        return path

    def enter(self, *options: str, cluster: str = "main", **environment: str) -> Any:
        """A CoreV1 client of the cluster as the identity in `environment`, or in the role in `options`."""
        path = self.kubeconfig(cluster, environment, *options)
        return kubernetes.client.CoreV1Api(client(path))

    @property
    def admin(self) -> Any:
        return kubernetes.client.CoreV1Api(client(self.layout.kubeconfig))

    def nodegroup_status(self, name: str) -> str | None:
        eks = self.aws("eks")
        try:
            return str(eks.describe_nodegroup(clusterName="main", nodegroupName=name)["nodegroup"]["status"])
        except eks.exceptions.ResourceNotFoundException:
            return None

    def cluster_status(self) -> str | None:
        eks = self.aws("eks")
        try:
            return str(eks.describe_cluster(name="main")["cluster"]["status"])
        except eks.exceptions.ResourceNotFoundException:
            return None


def make_cluster(bench: Bench) -> None:
    ec2 = bench.aws("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"{REGION}{zone}")["Subnet"][
            "SubnetId"
        ]
        for number, zone in enumerate("ab")
    ]
    bench.aws("eks").create_cluster(
        name="main",
        roleArn=bench.role("cluster", Service="eks.amazonaws.com"),
        resourcesVpcConfig={"subnetIds": subnets},
        accessConfig={"authenticationMode": "API"},
    )


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    tools = toolchain.ensure(list(PROGRAMS), toolchain.SilentReporter())
    layout = Layout(tmp_path_factory.mktemp("eks") / "sandbox")
    layout.prepare()
    bench = Bench(layout, tmp_path_factory.mktemp("kubeconfigs"))
    api = aws_api.serve(layout, lambda states: setattr(bench, "controllers", states))
    plane = ControlPlane(layout, tools)
    try:
        make_cluster(bench)
        assert bench.cluster_status() == "CREATING", "no control plane is running yet"
        plane.start()
        assert plane.wait().phase is Phase.READY
        eventually(lambda: bench.cluster_status() == "ACTIVE")
        yield bench
    finally:
        plane.stop()
        api.stop()
