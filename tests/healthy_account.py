"""An AWS account that has everything that `unit/doctor/Pulumi.full.yaml` asks for, as the answers of AWS's APIs."""

import datetime
import functools
import json
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from awsfacts import eks_versions
from mlpctl import config
from mlpctl.config import Loaded, Platform
from mlpctl.doctor import diagnose
from mlpctl.doctor.asking import LOCAL, Question, Refusal
from mlpctl.doctor.finding import Entry, Level, Report, Wanted

FILE: Final = Path(__file__).parent / "unit" / "doctor" / "Pulumi.full.yaml"
NOW: Final = datetime.datetime(2026, 11, 29, 12, tzinfo=datetime.UTC)
ACCOUNT: Final = "111122223333"
CALLER: Final = f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/ci"
CLUSTER: Final = "mlplatform-full-cluster"
TAGS: Final = {"mlplatform:stack": "mlplatform/full"}
BUCKET: Final = "models-bucket-0a1b2c3"

Answers = Mapping[str, Any]
"""The answer of each API, e.g. `ec2:DescribeVpcs`: a value, a `Refusal`, or a function of the question."""


def tags(more: Mapping[str, str] | None = None) -> list[dict[str, str]]:
    """The stack's tags in EC2's form."""
    return [{"Key": key, "Value": value} for key, value in {**TAGS, **(more or {})}.items()]


def quota(code: str, value: float) -> dict[str, Any]:
    """A quota as Service Quotas lists it."""
    return {"QuotaCode": code, "Value": value}


QUOTAS: Final = {
    "ec2": [
        quota("L-1216C47A", 64),
        quota("L-DB2E81BA", 128),
        quota("L-3819A6DF", 64),
        quota("L-0263D0A3", 5),
    ],
    "vpc": [quota("L-F678F1CE", 5), quota("L-FE5A380F", 5)],
    "eks": [quota("L-1194D53C", 100), quota("L-6D54EA21", 30)],
    "s3": [],
}
DEFAULTS: Final = {"vpc": [quota("L-29B6F2EB", 50)], "s3": [quota("L-DC2B2D3D", 10000)]}


def _service(quotas: Mapping[str, Any]) -> Callable[[Question], Any]:
    return lambda question: quotas.get(question.arguments["ServiceCode"], [])


def reservation(**changed: Any) -> dict[str, Any]:
    """A reservation that fits the pool `training`."""
    return {
        "CapacityReservationId": "cr-0a1b2c3d4e5f67890",
        "InstanceType": "p5.48xlarge",
        "InstancePlatform": "Linux/UNIX",
        "AvailabilityZone": "us-east-1b",
        "AvailabilityZoneId": "use1-az2",
        "State": "active",
        "TotalInstanceCount": 2,
        "AvailableInstanceCount": 2,
        "ReservationType": "default",
        **changed,
    }


GROUPED: Final = reservation(
    CapacityReservationId="cr-00000000000000001",
    InstanceType="g6.2xlarge",
    AvailabilityZone="us-east-1a",
    TotalInstanceCount=1,
    AvailableInstanceCount=0,
)


def instance(type: str, **more: Any) -> dict[str, Any]:
    """A running instance."""
    return {"InstanceType": type, **more}


def running(*instances: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Instances as EC2 lists them."""
    return [{"Instances": [*instances]}]


def _members(question: Question) -> Any:
    arn = f"arn:aws:ec2:us-east-1:{ACCOUNT}:capacity-reservation/cr-00000000000000001"
    return [{"Identifier": {"ResourceArn": arn}}]


def _addons(question: Question) -> Any:
    name, version = question.arguments["addonName"], question.arguments["kubernetesVersion"]
    found = [{"addonVersion": each} for each in eks_versions.addon_versions(name, version)]
    return [{"addonName": name, "addonVersions": found}]


HEALTHY: Final[Answers] = {
    "sts:GetCallerIdentity": {"Account": ACCOUNT, "Arn": CALLER},
    "ec2:DescribeRegions": [
        {"RegionName": "us-east-1", "OptInStatus": "opt-in-not-required"},
        {"RegionName": "eu-south-2", "OptInStatus": "opted-in"},
    ],
    "resourcegroupstaggingapi:GetResources": [],
    "service-quotas:ListServiceQuotas": _service(QUOTAS),
    "service-quotas:ListAWSDefaultServiceQuotas": _service(DEFAULTS),
    "ec2:DescribeInstances": [],
    "ec2:DescribeCapacityReservations": [reservation(), GROUPED],
    "resource-groups:ListGroupResources": _members,
    "ec2:DescribeVpcs": [{"VpcId": "vpc-default"}],
    "ec2:DescribeAddresses": [],
    "ec2:DescribeNatGateways": [],
    "ec2:DescribeSubnets": [{"SubnetId": "subnet-a", "AvailabilityZone": "us-east-1a"}],
    "eks:ListClusters": [],
    "s3:ListBuckets": [],
    "ec2:DescribeAvailabilityZones": [
        {"ZoneName": "us-east-1a", "ZoneId": "use1-az1"},
        {"ZoneName": "us-east-1b", "ZoneId": "use1-az2"},
    ],
    "ec2:DescribeInstanceTypeOfferings": [
        {"InstanceType": type, "Location": zone}
        for type in ("m7i.large", "g5.2xlarge", "g6.2xlarge", "g6.4xlarge", "p5.48xlarge")
        for zone in ("us-east-1a", "us-east-1b")
    ],
    "ec2:DescribeVpcEndpointServices": [
        {
            "ServiceName": "com.amazonaws.us-east-1.ecr.api",
            "AvailabilityZones": ["us-east-1a", "us-east-1b"],
            "PrivateDnsName": "api.ecr.us-east-1.amazonaws.com",
        }
    ],
    "eks:DescribeClusterVersions": [
        {
            "clusterVersion": "1.36",
            "versionStatus": "STANDARD_SUPPORT",
            "endOfStandardSupportDate": NOW.replace(year=2027),
        }
    ],
    "eks:DescribeCluster": Refusal("ResourceNotFoundException", "No cluster found."),
    "ssm:GetParameters": lambda question: {
        "Parameters": [{"Name": name, "Value": "ami-1"} for name in question.arguments["Names"]]
    },
    "eks:DescribeAddonVersions": _addons,
    "ec2:DescribeSecurityGroups": [{"GroupId": "sg-0a1b2c3d4e5f67890"}],
    "iam:GetRole": lambda question: {
        "Role": {"Arn": f"arn:aws:iam::{ACCOUNT}:role/teams/{question.arguments['RoleName']}"}
    },
    "iam:GetPolicy": {"Policy": {}},
    "secretsmanager:DescribeSecret": {"Name": "there"},
    "sqs:GetQueueUrl": {"QueueUrl": "there"},
    "ecr:DescribeImages": [{"imageTags": ["v1"]}],
    "ecr:DescribeRepositories": [],
    "ecr:DescribePullThroughCacheRules": [],
    "logs:DescribeLogGroups": [],
    "iam:SimulatePrincipalPolicy": lambda question: [
        {"EvalActionName": each, "EvalDecision": "allowed"} for each in question.arguments["ActionNames"]
    ],
}

ENDPOINT: Final = "https://api.example.com"


def created(**changed: Any) -> dict[str, Any]:
    """The answers about the stack's own cluster, with `changed` attributes."""
    cluster = {
        "name": CLUSTER,
        "version": "1.36",
        "status": "ACTIVE",
        "endpoint": ENDPOINT,
        "resourcesVpcConfig": {"endpointPublicAccess": False},
        "tags": TAGS,
        **changed,
    }
    return {"eks:DescribeCluster": {"cluster": cluster}, f"{LOCAL}:Connect": "10.0.0.1:443"}


class Fake:
    """Answers questions like an account."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self.asked: list[Question] = []

    def ask(self, questions: Iterable[Question], answered: Callable[[], None] = lambda: None) -> dict[Question, Any]:
        """The answer to each question."""
        found = {}
        for each in questions:
            self.asked.append(each)
            answer = self._answers[each.api]
            found[each] = answer(each) if callable(answer) else answer
            answered()
        return found


@functools.cache
def _unedited(file: Path) -> Loaded[Platform]:
    return config.read(file)


def load(edits: Mapping[str, Any] | None = None, file: Path = FILE) -> Loaded[Platform]:
    """The stack file, with values at dotted paths replaced; None removes the value."""
    if not edits:
        return _unedited(file)
    data = yaml.safe_load(file.read_text())
    for path, value in edits.items():
        place, (*parents, last) = data["config"]["mlplatform:platform"], path.split("/")
        for key in parents:
            place = place[key]
        if value is None:
            del place[last]
        else:
            place[last] = value
    with tempfile.TemporaryDirectory() as folder:
        edited = Path(folder) / "Pulumi.full.yaml"
        edited.write_text(json.dumps(data))
        return config.read(edited)


def examine(
    account: Answers | None = None, edits: Mapping[str, Any] | None = None, **machine: Any
) -> tuple[Report, list[Question]]:
    """The report about a stack in an account, and the questions that were asked."""
    loaded = load(edits)
    wanted = Wanted(loaded.platform, loaded.region, "mlplatform", "full", NOW, **{"address": "8.8.8.8", **machine})
    fake = Fake({**HEALTHY, **(account or {})})
    return diagnose(wanted, loaded, fake), fake.asked


def found(
    check: str, account: Answers | None = None, edits: Mapping[str, Any] | None = None, **machine: Any
) -> list[Entry]:
    """The findings of one check."""
    return [each for each in examine(account, edits, **machine)[0].entries if each.check == check]


Case = tuple[str, Mapping[str, Any], Mapping[str, Any], str, str, str, str]
"""What is told: a check, the account's other answers, edits of the stack file, and the level, the field, a part of the
fact and a part of the fix of the only finding of that level."""

BLOCKS, WARNS, NOTE, UNKNOWN, PASSES = "blocks", "warns", "note", "notChecked", "passes"


def expect(case: Case) -> None:
    """Assert what a check finds."""
    check, account, edits, level, field, fact, fix = case
    there = [each for each in found(check, account, edits) if each.level.value == level]
    if level == PASSES:
        there = [each for each in there if each.field == field]
    assert [each.field for each in there] == [field], (there, fact)
    (entry,) = there
    assert fact in entry.fact
    assert fix in entry.fix
    assert entry.level is Level.PASSES or entry.line is not None or not field


def quotas(service: str, **values: float) -> dict[str, Any]:
    """The account's answers with other quotas of a service, e.g. `L_DB2E81BA=0`."""
    codes = {code.replace("_", "-"): value for code, value in values.items()}
    kept = [each for each in QUOTAS[service] if each["QuotaCode"] not in codes]
    listed = {**QUOTAS, service: [*kept, *(quota(code, value) for code, value in codes.items())]}
    return {"service-quotas:ListServiceQuotas": lambda question: listed[question.arguments["ServiceCode"]]}


def reserved(**changed: Any) -> dict[str, Any]:
    """The account's answers with a changed reservation of the pool `training`."""
    return {"ec2:DescribeCapacityReservations": [reservation(**changed), GROUPED]}


def denied(api: str, code: str = "AccessDeniedException") -> dict[str, Any]:
    """The account's answers if an API returns an error."""
    return {api: Refusal(code, f"User is not authorized to perform: {api}")}


VPC: Final = "vpc-0a1b2c3d4e5f60718"
A, B = "subnet-0a1b2c3d4e5f60711", "subnet-0a1b2c3d4e5f60712"
EXISTING: Final = {"network": {"existing": {"vpcId": VPC, "privateSubnets": {"us-east-1a": A, "us-east-1b": B}}}}
ELB: Final = {"Key": "kubernetes.io/role/internal-elb", "Value": "1"}
NAT: Final = {"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1"}


def subnet(id: str, zone: str, free: int = 4000, **changed: Any) -> dict[str, Any]:
    """A private subnet of the VPC, with `free` addresses."""
    return {
        "SubnetId": id,
        "VpcId": VPC,
        "AvailabilityZone": zone,
        "CidrBlock": "10.0.0.0/20",
        "AvailableIpAddressCount": free,
        "Tags": [ELB],
        **changed,
    }


def attribute(question: Question) -> Mapping[str, Any]:
    """An enabled attribute of the VPC."""
    name = question.arguments["Attribute"]
    return {name[0].upper() + name[1:]: {"Value": True}}


def table(*routes: Mapping[str, Any]) -> dict[str, Any]:
    """The main route table of the VPC."""
    return {"RouteTableId": "rtb-1", "Associations": [{"Main": True}], "Routes": [*routes]}


ACCOUNT_WITH_VPC: Answers = {
    "ec2:DescribeVpcs": [
        {
            "VpcId": VPC,
            "OwnerId": ACCOUNT,
            "CidrBlockAssociationSet": [{"CidrBlock": "10.0.0.0/16", "CidrBlockState": {"State": "associated"}}],
        }
    ],
    "ec2:DescribeVpcAttribute": attribute,
    "ec2:DescribeSubnets": [subnet(A, "us-east-1a"), subnet(B, "us-east-1b")],
    "ec2:DescribeRouteTables": [table(NAT)],
    "ec2:DescribeVpcEndpoints": [],
    "ec2:DescribeNetworkInterfaces": [],
}
