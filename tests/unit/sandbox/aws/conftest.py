"""A local AWS API, and a driver that talks to the provider as the engine does."""

import itertools
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from mlpctl.sandbox import aws
from mlpctl.sandbox.aws.api import Key
from mlpctl.sandbox.aws.provider import AwsProvider
from mlpctl.sandbox.provider import Difference, Properties, Subject, from_struct, to_struct

REGION = "eu-central-1"
CLIENT = "ipv4:127.0.0.1:1"


@dataclass
class State:
    """What the engine remembers of a resource."""

    subject: Subject
    id: str
    inputs: Properties
    outputs: Properties


@dataclass
class Bench:
    """The engine's side of the protocol, and boto3 beside it."""

    provider: AwsProvider
    endpoint: str
    client: str = CLIENT
    made: dict[str, Any] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def boto(self, service: str, region: str = REGION) -> Any:
        return boto3.client(
            service, region_name=region, endpoint_url=self.endpoint, aws_access_key_id="AKIA", aws_secret_access_key="x"
        )

    def subject(self, token: str, name: str) -> Subject:
        return Subject(urn=f"urn:pulumi:test::test::{token}::{name}", type=token, name=name)

    def checked(self, subject: Subject, inputs: Properties, olds: Properties | None = None) -> Properties:
        checked, failures = self.provider.check(self.client, subject, olds or {}, wire(inputs), b"seed")
        assert not failures, failures
        return wire(checked)

    def create(self, token: str, name: str, inputs: Properties) -> State:
        subject = self.subject(token, name)
        checked = self.checked(subject, inputs)
        id, outputs = self.provider.create(self.client, subject, checked, False, 0)
        return State(subject, id, checked, wire(outputs))

    def diff(self, state: State, news: Properties) -> Difference:
        return self.provider.diff(self.client, state.subject, state.id, state.inputs, state.outputs, news)

    def update(self, state: State, news: Properties) -> State:
        outputs = self.provider.update(
            self.client, state.subject, state.id, state.inputs, state.outputs, news, False, 0
        )
        return State(state.subject, state.id, news, wire(outputs))

    def refreshed(self, state: State) -> State | None:
        found = self.provider.read(self.client, state.subject, state.id, state.inputs, state.outputs)
        if found is None:
            return None
        id, inputs, outputs = found
        return State(state.subject, id, wire(inputs), wire(outputs))

    def delete(self, state: State) -> None:
        self.provider.delete(self.client, state.subject, state.id, state.inputs, state.outputs, 0)

    def unique(self, word: str) -> str:
        return f"{word}-{next(self.numbers)}"

    def vpc(self) -> str:
        if "vpc" not in self.made:
            self.made["vpc"] = self.boto("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        return str(self.made["vpc"])

    def subnet(self, number: int = 0) -> str:
        key = f"subnet{number}"
        if key not in self.made:
            self.made[key] = self.boto("ec2").create_subnet(
                VpcId=self.vpc(), CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"{REGION}{'abc'[number % 3]}"
            )["Subnet"]["SubnetId"]
        return str(self.made[key])

    def key(self) -> str:
        return str(self.boto("kms").create_key()["KeyMetadata"]["Arn"])

    def role(self, service: str = "ec2.amazonaws.com") -> str:
        name = self.unique("role")
        document = json.dumps(trust(service))
        return str(self.boto("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"])

    def bucket(self) -> str:
        name = self.unique("bucket")
        self.boto("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        return name

    def log_bucket(self) -> str:
        name = self.bucket()
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "logging.s3.amazonaws.com"},
            "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::{name}/*",
        }
        document = {"Version": "2012-10-17", "Statement": [statement]}
        self.boto("s3").put_bucket_policy(Bucket=name, Policy=json.dumps(document))
        return name


def wire(properties: Properties) -> Properties:
    """Properties as they are after a trip through the engine."""
    return from_struct(to_struct(properties))


def trust(service: str) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
    }


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def bench(endpoint: str) -> Bench:
    provider = aws.provider(endpoint, Key("AKIA", "x"))
    provider.configure(CLIENT, {"region": REGION})
    return Bench(provider, endpoint)
