"""Generated previews of the resources of many teams: many types, connected by dependencies and by ids."""

import random
from collections.abc import Iterator
from typing import Any, Final

from benchmarks.plans import ACCOUNT, PREFIX, STACK, UNKNOWN, Inputs, digest, stack, step, tags

Made = tuple[str, str, Inputs, dict[str, list[str]]]
"""Role, type, inputs, and for each input the roles that it depends on."""

_CLASSES: Final = ("t3.large", "m5.xlarge", "g5.2xlarge", "g6.2xlarge", "g6e.12xlarge", "p5.48xlarge")
_RULES: Final = (22, 80, 443, 5432, 6379, 8080, 9092)
_OPS: Final = ("same", "same", "same", "update", "create", "delete", "replace")


def mixed_plan_of(resources: int, seed: int = 0) -> dict[str, Any]:
    """A preview of `resources` resources of about forty types. The same seed gives the same preview.

    A third of the teams have no dependencies in the plan, as in the stream of events, and are connected only by IDs.
    """
    chance = random.Random(seed)
    steps = [stack()]
    teams = _teams(chance)
    while len(steps) < resources:
        steps += next(teams)
    return digest(steps[:resources])


def _teams(chance: random.Random) -> Iterator[list[dict[str, Any]]]:
    """An endless sequence of teams with their resources."""
    number = 0
    while True:
        team = f"team-{number:05}"
        component = f"{PREFIX}acme:index:Team::{team}"
        has_dependencies = chance.random() < 0.67
        yield [step("same", component, STACK, {"name": team}, {"name": team}, custom=False)]
        made = [*_network(team, chance), *_compute(team, chance), *_data(team, chance), *_objects(team, chance)]
        urns = {role: _urn(type_, team, role) for role, type_, _, _ in made}
        yield [_step(each, urns, component, chance, has_dependencies) for each in made]
        number += 1


def _step(
    made: Made, urns: dict[str, str], parent: str, chance: random.Random, has_dependencies: bool
) -> dict[str, Any]:
    role, _, inputs, causes = made
    op = chance.choice(_OPS)
    after = dict(inputs)
    if op in ("update", "replace"):
        after["description"] = f"changed {chance.randrange(100)}"
    found = step(op, urns[role], parent, inputs, after)
    if op in ("update", "replace"):
        found["detailedDiff"] = {"description": {"kind": "add", "inputDiff": True}}
        found["diffReasons"] = ["description"]
    if op == "replace":
        found["replaceReasons"] = ["description"]
    if "newState" in found and has_dependencies:
        depends = {path: [urns[each] for each in roles] for path, roles in causes.items()}
        found["newState"]["propertyDependencies"] |= depends
        found["newState"]["dependencies"] = sorted({urn for each in depends.values() for urn in each})
    return found


def _urn(type_: str, team: str, role: str) -> str:
    return f"{PREFIX}acme:index:Team${type_}::{team}-{role}"


def _network(team: str, chance: random.Random) -> Iterator[Made]:
    zones = "abc"
    yield "vpc", "aws:ec2/vpc:Vpc", {"cidrBlock": "10.0.0.0/16", "tags": tags(team)}, {}
    for zone in zones:
        subnet = {"vpcId": f"id-{team}-vpc", "cidrBlock": "10.0.0.0/20", "availabilityZone": f"us-east-1{zone}"}
        yield f"subnet-{zone}", "aws:ec2/subnet:Subnet", subnet, {"vpcId": ["vpc"]}
    yield "nat", "aws:ec2/natGateway:NatGateway", {"subnetId": f"id-{team}-subnet-a"}, {"subnetId": ["subnet-a"]}
    yield "eip", "aws:ec2/eip:Eip", {"domain": "vpc"}, {}
    yield "guard", "aws:ec2/securityGroup:SecurityGroup", {"vpcId": f"id-{team}-vpc"}, {"vpcId": ["vpc"]}
    for port in chance.sample(_RULES, 3):
        rule = {"securityGroupId": f"id-{team}-guard", "cidrIpv4": "10.0.0.0/8", "fromPort": port, "toPort": port}
        rule["ipProtocol"] = "tcp"
        type_ = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
        yield f"rule-{port}", type_, rule, {"securityGroupId": ["guard"]}
    endpoint = {"vpcEndpointType": "Interface", "subnetIds": [f"id-{team}-subnet-{zone}" for zone in zones]}
    yield "endpoint", "aws:ec2/vpcEndpoint:VpcEndpoint", endpoint, {"subnetIds": [f"subnet-{zone}" for zone in zones]}
    yield "flow-logs", "aws:cloudwatch/logGroup:LogGroup", {"retentionInDays": 30}, {}
    flow = {"logDestination": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:id-{team}-flow-logs"}
    yield "flow", "aws:ec2/flowLog:FlowLog", flow, {"logDestination": ["flow-logs"]}
    yield "balancer", "aws:lb/loadBalancer:LoadBalancer", {"internal": True, "tags": tags(team)}, {}


def _compute(team: str, chance: random.Random) -> Iterator[Made]:
    yield "role", "aws:iam/role:Role", {"assumeRolePolicy": '{"Version":"2012-10-17"}', "tags": tags(team)}, {}
    disk = {"deviceName": "/dev/xvda", "ebs": {"volumeType": "gp3", "volumeSize": 200}}
    for kind in ("pool", "fleet"):
        template = {"instanceType": chance.choice(_CLASSES), "blockDeviceMappings": [disk], "tags": tags(team)}
        yield f"{kind}-template", "aws:ec2/launchTemplate:LaunchTemplate", template, {}
    pool = {
        "scalingConfig": {"minSize": 0, "desiredSize": 1, "maxSize": 4},
        "launchTemplate": {"id": f"id-{team}-pool-template", "version": "1"},
        "nodeRoleArn": f"arn:aws:iam::{ACCOUNT}:role/{team}",
    }
    causes = {"launchTemplate": ["pool-template"], "nodeRoleArn": ["role"]}
    yield "pool", "aws:eks/nodeGroup:NodeGroup", pool, causes
    fleet = {"minSize": 0, "maxSize": 4, "launchTemplate": {"id": f"id-{team}-fleet-template", "version": "1"}}
    yield "fleet", "aws:autoscaling/group:Group", fleet, {"launchTemplate": ["fleet-template"]}
    for number in range(3):
        machine = {"instanceType": chance.choice(_CLASSES), "subnetId": f"id-{team}-subnet-a", "tags": tags(team)}
        yield f"machine-{number}", "aws:ec2/instance:Instance", machine, {"subnetId": ["subnet-a"]}
    variants = [{"variantName": "all", "instanceType": "ml.g5.2xlarge", "initialInstanceCount": 1}]
    config = "aws:sagemaker/endpointConfiguration:EndpointConfiguration"
    yield "config", config, {"productionVariants": variants, "kmsKeyArn": f"id-{team}-key"}, {"kmsKeyArn": ["key"]}
    served = {"endpointConfigName": f"id-{team}-config"}
    yield "endpoint-served", "aws:sagemaker/endpoint:Endpoint", served, {"endpointConfigName": ["config"]}
    scaling = {"resourceId": f"endpoint/{team}/variant/all", "minCapacity": 1, "maxCapacity": 3}
    yield "scaling", "aws:appautoscaling/target:Target", scaling, {"resourceId": ["endpoint-served"]}
    yield "function", "aws:lambda/function:Function", {"memorySize": 512, "role": UNKNOWN}, {"role": ["role"]}


def _data(team: str, chance: random.Random) -> Iterator[Made]:
    yield "key", "aws:kms/key:Key", {"enableKeyRotation": True, "tags": tags(team)}, {}
    yield "bucket", "aws:s3/bucket:Bucket", {"bucket": f"{team}-{chance.getrandbits(28):07x}", "tags": tags(team)}, {}
    volume = {"type": "gp3", "size": chance.randrange(10, 4000), "tags": tags(team)}
    yield "volume", "aws:ebs/volume:Volume", volume, {}
    database = {"engine": "postgres", "instanceClass": "db.r6g.large", "allocatedStorage": 500, "storageType": "gp3"}
    yield "database", "aws:rds/instance:Instance", {**database, "multiAz": chance.random() < 0.5}, {}
    table = {"billingMode": "PAY_PER_REQUEST", "hashKey": "id", "tags": tags(team)}
    yield "table", "aws:dynamodb/table:Table", table, {}
    yield "files", "aws:efs/fileSystem:FileSystem", {"throughputMode": "elastic", "kmsKeyId": f"id-{team}-key"}, {}
    yield "queue", "aws:sqs/queue:Queue", {"visibilityTimeoutSeconds": 30}, {}
    yield "secret", "aws:secretsmanager/secret:Secret", {"kmsKeyId": f"id-{team}-key"}, {"kmsKeyId": ["key"]}
    yield "images", "aws:ecr/repository:Repository", {"name": team, "imageTagMutability": "IMMUTABLE"}, {}
    alarm = {"metricName": "Errors", "period": 60, "threshold": 1, "comparisonOperator": "GreaterThanThreshold"}
    yield "alarm", "aws:cloudwatch/metricAlarm:MetricAlarm", alarm, {}


def _objects(team: str, chance: random.Random) -> Iterator[Made]:
    metadata = {"name": team, "namespace": team, "labels": {"team": team}}
    yield "namespace", "kubernetes:core/v1:Namespace", _object("v1", "Namespace", {"name": team}), {}
    driver = {"provisioner": "ebs.csi.aws.com", "parameters": {"type": "gp3"}}
    yield (
        "class",
        "kubernetes:storage.k8s.io/v1:StorageClass",
        _object("storage.k8s.io/v1", "StorageClass", metadata, **driver),
        {},
    )
    claim = {
        "storageClassName": team,
        "resources": {"requests": {"storage": "100Gi"}},
        "accessModes": ["ReadWriteOnce"],
    }
    yield (
        "claim",
        "kubernetes:core/v1:PersistentVolumeClaim",
        _object("v1", "PersistentVolumeClaim", metadata, spec=claim),
        {},
    )
    container = {
        "name": "server",
        "image": f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/serving@sha256:{chance.getrandbits(256):064x}",
    }
    pod = {"metadata": {"labels": {"team": team}}, "spec": {"containers": [container]}}
    spec = {"replicas": 2, "selector": {"matchLabels": {"team": team}}, "template": pod}
    yield "server", "kubernetes:apps/v1:Deployment", _object("apps/v1", "Deployment", metadata, spec=spec), {}
    ports = {"ports": [{"port": 80}], "selector": {"team": team}}
    yield "service", "kubernetes:core/v1:Service", _object("v1", "Service", metadata, spec=ports), {}
    rules = {"ingressClassName": "nginx", "rules": [{"host": f"{team}.example.com"}]}
    yield (
        "ingress",
        "kubernetes:networking.k8s.io/v1:Ingress",
        _object("networking.k8s.io/v1", "Ingress", metadata, spec=rules),
        {},
    )


def _object(version: str, kind: str, metadata: Inputs, **rest: Any) -> Inputs:
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **rest}
