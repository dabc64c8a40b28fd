"""A local AWS API, and a driver that calls the provider as the engine does."""

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3

from mlsandbox.ground.layout import Layout
from mlsandbox.host import aws_api
from mlsandbox.providers import aws
from mlsandbox.providers.aws.provider import AwsProvider
from mlsandbox.providers.protocol import Difference, Properties, Subject
from mlsandbox.providers.servicer import from_struct, to_struct

REGION = "eu-central-1"
CLIENT = "ipv4:127.0.0.1:1"


@dataclass
class State:
    """The engine's state of a resource."""

    subject: Subject
    id: str
    inputs: Properties
    outputs: Properties


@dataclass
class Bench:
    """The engine's side of the provider protocol, and boto3 clients."""

    provider: AwsProvider
    layout: Layout
    client: str = CLIENT
    made: dict[str, Any] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def boto(self, service: str, region: str = REGION, config: Any = None) -> Any:
        key = self.layout.credentials()
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.layout.aws_endpoint,
            config=config,
            aws_access_key_id=key.access_key_id,
            aws_secret_access_key=key.secret_access_key,
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
        return self.once("vpc", lambda: self.boto("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"])

    def subnet(self, number: int = 0) -> str:
        def make() -> str:
            zone, block = f"{REGION}{'abc'[number % 3]}", f"10.0.{number}.0/24"
            made = self.boto("ec2").create_subnet(VpcId=self.vpc(), CidrBlock=block, AvailabilityZone=zone)
            return str(made["Subnet"]["SubnetId"])

        return self.once(f"subnet{number}", make)

    def once(self, what: str, make: Callable[[], str]) -> str:
        if what not in self.made:
            self.made[what] = make()
        return str(self.made[what])

    def other_vpc(self) -> str:
        return self.once("vpc2", lambda: self.boto("ec2").create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"])

    def scaling_group(self) -> str:
        eks, where = self.boto("eks"), {"clusterName": self.cluster(), "nodegroupName": "scaled"}
        if "scaled" not in eks.list_nodegroups(clusterName=where["clusterName"])["nodegroups"]:
            eks.create_nodegroup(**where, nodeRole=self.role(), subnets=[self.subnet(0), self.subnet(1)])
        made = eks.describe_nodegroup(**where)["nodegroup"]
        return str(made["resources"]["autoScalingGroups"][0]["name"])

    def address(self) -> str:
        return str(self.boto("ec2").allocate_address(Domain="vpc")["AllocationId"])

    def nat_gateway(self) -> str:
        gateway = self.boto("ec2").create_nat_gateway(SubnetId=self.subnet(), AllocationId=self.address())
        return str(gateway["NatGateway"]["NatGatewayId"])

    def route_table(self, number: int = 0) -> str:
        create = self.boto("ec2").create_route_table
        return self.once(f"table{number}", lambda: create(VpcId=self.vpc())["RouteTable"]["RouteTableId"])

    def internet_gateway(self) -> str:
        if "gateway" not in self.made:
            gateway = self.boto("ec2").create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
            self.made["gateway"] = gateway
            network = self.boto("ec2").create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
            self.boto("ec2").attach_internet_gateway(InternetGatewayId=gateway, VpcId=network)
        return str(self.made["gateway"])

    def security_group(self) -> str:
        name = self.unique("group")
        made = self.boto("ec2").create_security_group(GroupName=name, Description=name, VpcId=self.vpc())
        return str(made["GroupId"])

    def log_group(self) -> str:
        name = self.unique("logs")
        self.boto("logs").create_log_group(logGroupName=name)
        return f"arn:aws:logs:{REGION}:123456789012:log-group:{name}"

    def key(self) -> str:
        return str(self.boto("kms").create_key()["KeyMetadata"]["Arn"])

    def role(self, service: str = "ec2.amazonaws.com") -> str:
        name = self.unique("role")
        document = json.dumps(trust(service))
        return str(self.boto("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"])

    def cluster(self) -> str:
        """The only cluster of a sandbox."""
        eks = self.boto("eks")
        if not eks.list_clusters()["clusters"]:
            eks.create_cluster(
                name="shared",
                roleArn=self.role("eks.amazonaws.com"),
                resourcesVpcConfig={"subnetIds": [self.subnet(0), self.subnet(1)]},
                accessConfig={"authenticationMode": "API"},
            )
        return "shared"

    def no_cluster(self) -> None:
        """Make room for another cluster."""
        eks = self.boto("eks")
        for name in eks.list_clusters()["clusters"]:
            for group in eks.list_nodegroups(clusterName=name)["nodegroups"]:
                eks.delete_nodegroup(clusterName=name, nodegroupName=group)
            eks.delete_cluster(name=name)

    def access_entry(self) -> str:
        arn = self.role()
        self.boto("eks").create_access_entry(clusterName=self.cluster(), principalArn=arn)
        return arn

    def launch_template(self) -> str:
        made = self.boto("ec2").create_launch_template(
            LaunchTemplateName=self.unique("template"), LaunchTemplateData={"EbsOptimized": True}
        )
        return str(made["LaunchTemplate"]["LaunchTemplateId"])

    def template_of_two_versions(self) -> str:
        def make() -> str:
            template = self.launch_template()
            self.launch_template_version(template)
            return template

        return self.once("template", make)

    def launch_template_version(self, template: str) -> str:
        made = self.boto("ec2").create_launch_template_version(
            LaunchTemplateId=template, LaunchTemplateData={"EbsOptimized": False}
        )
        return str(made["LaunchTemplateVersion"]["VersionNumber"])

    def repository(self) -> str:
        made = self.boto("ecr").create_repository(repositoryName=self.unique("ml/images"))
        return str(made["repository"]["repositoryName"])

    def secret(self) -> str:
        name = f"ecr-pullthroughcache/{self.unique('hub')}"
        return str(self.boto("secretsmanager").create_secret(Name=name, SecretString="{}")["ARN"])

    def bucket(self) -> str:
        name = self.unique("bucket")
        self.boto("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        return name

    def locked_bucket(self) -> str:
        name = self.unique("bucket")
        where = {"LocationConstraint": REGION}
        self.boto("s3").create_bucket(Bucket=name, CreateBucketConfiguration=where, ObjectLockEnabledForBucket=True)
        return name

    def file_system(self) -> str:
        return str(self.boto("efs").create_file_system(CreationToken=self.unique("files"))["FileSystemId"])

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
    """Properties after serialization by the engine."""
    return from_struct(to_struct(properties))


def trust(service: str) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
    }


@contextmanager
def serving(folder: Path) -> Iterator[Bench]:
    """The AWS API without a control plane, and the provider that uses it. Only one can exist per process."""
    layout = Layout(folder)
    layout.prepare()
    api = aws_api.serve(layout, kubernetes=False)
    key = layout.credentials()
    provider = aws.provider(layout.aws_endpoint, aws.Key(key.access_key_id, key.secret_access_key))
    provider.configure(CLIENT, {"region": REGION})
    yield Bench(provider, layout)
    api.stop()
