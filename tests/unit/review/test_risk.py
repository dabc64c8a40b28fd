"""Dangers of a plan: every harm with its causes, and similar harmless changes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import every_record
from awsfacts.records import Holding
from changes import change, plan, update, urn
from mlpctl.review import records, retention
from mlpctl.review.kinds import kind
from mlpctl.review.plan import Change, Op
from mlpctl.review.report import Certainty, Danger, Harm
from mlpctl.review.risk import MAX_CAUSES, dangers
from mlpctl.review.values import UNKNOWN, Secret
from mlpctl.review.watch_tests import TESTS
from review_plans import bounded

BUCKET, DATABASE, KEY = "aws:s3/bucket:Bucket", "aws:rds/instance:Instance", "aws:kms/key:Key"
VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
NODES, TEMPLATE = "aws:eks/nodeGroup:NodeGroup", "aws:ec2/launchTemplate:LaunchTemplate"
RESERVATION = "aws:ec2/capacityReservation:CapacityReservation"
CLUSTER, GROUP = "aws:eks/cluster:Cluster", "aws:ec2/securityGroup:SecurityGroup"
ROLE, ATTACHMENT = "aws:iam/role:Role", "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
POLICY, INGRESS = "aws:iam/policy:Policy", "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
DEPLOYMENT, SERVICE = "kubernetes:apps/v1:Deployment", "kubernetes:core/v1:Service"
BUDGET = "kubernetes:policy/v1:PodDisruptionBudget"
POOL, ENDPOINT = "kubernetes:karpenter.sh/v1:NodePool", "aws:sagemaker/endpoint:Endpoint"
PROVIDER = "pulumi:providers:kubernetes"
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
READER = "arn:aws:iam::aws:policy/ReadOnlyAccess"

GPU = {"instanceTypes": ["g6.2xlarge"], "scalingConfig": {"desiredSize": 2, "maxSize": 4, "minSize": 0}}
CPU = {**GPU, "instanceTypes": ["m7i.2xlarge"]}


def document(action: Any = "s3:GetObject", **more: Any) -> str:
    return json.dumps({"Statement": [{"Effect": "Allow", "Action": action, "Resource": "*", **more}]})


def found(*changes: Change) -> list[tuple[Harm, Certainty, tuple[str, ...]]]:
    return [(each.harm, each.certainty, tuple(each.because)) for each in dangers(plan(*changes))]


def only(*changes: Change) -> Danger:
    (danger,) = dangers(plan(*changes))
    return danger


def image_rule(number: int) -> dict[str, Any]:
    selection = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": number}
    return {"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}


LIFE = {"rules": [{"id": "a", "expiration": {"days": 90}}]}
SOONER = {"rules": [{"id": "a", "expiration": {"days": 30}}]}
RECREATE = {"spec": {"strategy": {"type": "Recreate"}, "template": {"image": "a"}}}

UPDATES: dict[str, tuple[str, Any, Any, Harm | None]] = {
    "a bucket that may be deleted with its objects": (BUCKET, {}, {"forceDestroy": True}, Harm.PROTECTION),
    "a bucket that may no longer": (BUCKET, {"forceDestroy": True}, {"forceDestroy": False}, None),
    "a bucket's tags": (BUCKET, {"tags": {"a": "1"}}, {"tags": {"a": "2"}}, None),
    "versioning off": (
        VERSIONING,
        {"versioningConfiguration": {"status": "Enabled"}},
        {"versioningConfiguration": {"status": "Suspended"}},
        Harm.PROTECTION,
    ),
    "versioning on": (
        VERSIONING,
        {"versioningConfiguration": {"status": "Suspended"}},
        {"versioningConfiguration": {"status": "Enabled"}},
        None,
    ),
    "objects that expire sooner": (LIFECYCLE, LIFE, SOONER, Harm.DATA),
    "objects that expire later": (LIFECYCLE, SOONER, LIFE, None),
    "objects that begin to expire": (LIFECYCLE, {"rules": [{"id": "a"}]}, LIFE, Harm.DATA),
    "objects that no longer expire": (LIFECYCLE, LIFE, {"rules": [{"id": "a"}]}, None),
    "a database's deletion protection off": (
        DATABASE,
        {"deletionProtection": True},
        {"deletionProtection": False},
        Harm.PROTECTION,
    ),
    "a database's deletion protection on": (
        DATABASE,
        {"deletionProtection": False},
        {"deletionProtection": True},
        None,
    ),
    "no last snapshot": (DATABASE, {"skipFinalSnapshot": False}, {"skipFinalSnapshot": True}, Harm.PROTECTION),
    "no backups": (DATABASE, {"backupRetentionPeriod": 7}, {"backupRetentionPeriod": 0}, Harm.DATA),
    "more backups": (DATABASE, {"backupRetentionPeriod": 7}, {"backupRetentionPeriod": 14}, None),
    "another server of a database": (
        DATABASE,
        {"instanceClass": "db.m5.large"},
        {"instanceClass": "db.m6g.large"},
        Harm.SERVING,
    ),
    "another password": (DATABASE, {"password": Secret("a", b"1")}, {"password": Secret("a", b"2")}, Harm.IDENTITY),
    "no recovery of a table": (
        "aws:dynamodb/table:Table",
        {"pointInTimeRecovery": {"enabled": True}},
        {"pointInTimeRecovery": {"enabled": False}},
        Harm.DATA,
    ),
    "a key that is off": (KEY, {"isEnabled": True}, {"isEnabled": False}, Harm.DATA),
    "a key that is sooner gone": (KEY, {"deletionWindowInDays": 30}, {"deletionWindowInDays": 7}, Harm.PROTECTION),
    "a key's other description": (KEY, {"description": "a"}, {"description": "b"}, None),
    "images that may be overwritten": (
        "aws:ecr/repository:Repository",
        {"imageTagMutability": "IMMUTABLE"},
        {"imageTagMutability": "MUTABLE"},
        Harm.PROTECTION,
    ),
    "other images expire": (
        "aws:ecr/lifecyclePolicy:LifecyclePolicy",
        {"policy": json.dumps({"rules": [image_rule(100)]})},
        {"policy": json.dumps({"rules": [image_rule(10)]})},
        Harm.DATA,
    ),
    "logs retained for a shorter time": (
        "aws:cloudwatch/logGroup:LogGroup",
        {"retentionInDays": 365},
        {"retentionInDays": 30},
        Harm.DATA,
    ),
    "logs no longer retained forever": (
        "aws:cloudwatch/logGroup:LogGroup",
        {"retentionInDays": 0},
        {"retentionInDays": 30},
        Harm.DATA,
    ),
    "logs retained forever": (
        "aws:cloudwatch/logGroup:LogGroup",
        {"retentionInDays": 30},
        {"retentionInDays": 0},
        None,
    ),
    "nodes given up": (
        NODES,
        GPU,
        {**GPU, "scalingConfig": {"desiredSize": 1, "maxSize": 4, "minSize": 0}},
        Harm.CAPACITY,
    ),
    "a lower ceiling": (
        NODES,
        GPU,
        {**GPU, "scalingConfig": {"desiredSize": 2, "maxSize": 2, "minSize": 0}},
        Harm.CAPACITY,
    ),
    "more nodes": (NODES, GPU, {**GPU, "scalingConfig": {"desiredSize": 3, "maxSize": 5, "minSize": 1}}, None),
    "on demand to spot": (NODES, {"capacityType": "ON_DEMAND"}, {"capacityType": "SPOT"}, Harm.CAPACITY),
    "spot to on demand": (NODES, {"capacityType": "SPOT"}, {"capacityType": "ON_DEMAND"}, None),
    "a subnet less": (NODES, {"subnetIds": ["a", "b"]}, {"subnetIds": ["b"]}, Harm.CAPACITY),
    "a subnet more": (NODES, {"subnetIds": ["a"]}, {"subnetIds": ["a", "b"]}, None),
    "subnets in another order": (NODES, {"subnetIds": ["a", "b"]}, {"subnetIds": ["b", "a"]}, None),
    "unknown subnets": (NODES, {"subnetIds": ["a", "b"]}, {"subnetIds": [UNKNOWN, UNKNOWN]}, None),
    "a new release of GPU nodes": (
        NODES,
        {**GPU, "releaseVersion": "1"},
        {**GPU, "releaseVersion": "2"},
        Harm.CAPACITY,
    ),
    "a new release of other nodes": (NODES, {**CPU, "releaseVersion": "1"}, {**CPU, "releaseVersion": "2"}, None),
    "labels of nodes": (NODES, {**GPU, "labels": {"a": "1"}}, {**GPU, "labels": {"a": "2"}}, None),
    "a smaller reservation": (RESERVATION, {"instanceCount": 4}, {"instanceCount": 2}, Harm.CAPACITY),
    "a lower limit of GPUs": (
        POOL,
        {"spec": {"limits": {"nvidia.com/gpu": "8"}}},
        {"spec": {"limits": {"nvidia.com/gpu": "4"}}},
        Harm.CAPACITY,
    ),
    "a first limit of GPUs": (POOL, {"spec": {}}, {"spec": {"limits": {"nvidia.com/gpu": "4"}}}, Harm.CAPACITY),
    "a higher limit of memory": (
        POOL,
        {"spec": {"limits": {"memory": "1000Mi"}}},
        {"spec": {"limits": {"memory": "1Gi"}}},
        None,
    ),
    "no pod": (DEPLOYMENT, {"spec": {"replicas": 2}}, {"spec": {"replicas": 0}}, Harm.SERVING),
    "fewer pods": (DEPLOYMENT, {"spec": {"replicas": 2}}, {"spec": {"replicas": 1}}, None),
    "another image, one pod after the other": (
        DEPLOYMENT,
        {"spec": {"template": {"image": "a"}}},
        {"spec": {"template": {"image": "b"}}},
        None,
    ),
    "another image, all pods at once": (
        DEPLOYMENT,
        RECREATE,
        {"spec": {**RECREATE["spec"], "template": {"image": "b"}}},
        Harm.SERVING,
    ),
    "updates of all pods at once": (
        DEPLOYMENT,
        {"spec": {"strategy": {"type": "RollingUpdate"}}},
        {"spec": {"strategy": {"type": "Recreate"}}},
        Harm.SERVING,
    ),
    "another type of a service": (
        SERVICE,
        {"spec": {"type": "ClusterIP"}},
        {"spec": {"type": "ExternalName"}},
        Harm.SERVING,
    ),
    "a port less": (
        SERVICE,
        {"spec": {"ports": [{"port": 80}, {"port": 443}]}},
        {"spec": {"ports": [{"port": 443}]}},
        Harm.SERVING,
    ),
    "a port more": (
        SERVICE,
        {"spec": {"ports": [{"port": 80}]}},
        {"spec": {"ports": [{"port": 443}, {"port": 80}]}},
        None,
    ),
    "ports in another order": (
        SERVICE,
        {"spec": {"ports": [{"port": 80, "targetPort": 1}, {"port": 443, "targetPort": 2}]}},
        {"spec": {"ports": [{"port": 443, "targetPort": 2}, {"port": 80, "targetPort": 1}]}},
        None,
    ),
    "more pods may be down": (
        BUDGET,
        {"spec": {"maxUnavailable": 1}},
        {"spec": {"maxUnavailable": "50%"}},
        Harm.SERVING,
    ),
    "more pods have to be up": (BUDGET, {"spec": {"minAvailable": 1}}, {"spec": {"minAvailable": 2}}, None),
    "a role that another principal can assume": (
        ROLE,
        {"assumeRolePolicy": document("sts:AssumeRole", Principal={"AWS": "a"})},
        {"assumeRolePolicy": document("sts:AssumeRole", Principal={"AWS": "b"})},
        Harm.IDENTITY,
    ),
    "a trust policy in another order": (
        ROLE,
        {"assumeRolePolicy": document(["a:B", "c:D"])},
        {"assumeRolePolicy": document(["c:D", "a:B"])},
        None,
    ),
    "a role's other session": (ROLE, {"maxSessionDuration": 1}, {"maxSessionDuration": 2}, None),
    "a role without a boundary": (ROLE, {"permissionsBoundary": "a"}, {}, Harm.IDENTITY),
    "a policy with other actions": (
        POLICY,
        {"policy": document()},
        {"policy": document("s3:PutObject")},
        Harm.IDENTITY,
    ),
    "a policy that is written in another way": (
        POLICY,
        {"policy": document()},
        {"policy": document(["s3:GetObject"])},
        None,
    ),
    "a group that is open to all": (
        GROUP,
        {"ingress": [{"cidrBlocks": ["10.0.0.0/8"]}]},
        {"ingress": [{"cidrBlocks": ["0.0.0.0/0"]}]},
        Harm.IDENTITY,
    ),
    "a group's rules in another order": (
        GROUP,
        {"ingress": [{"fromPort": 1, "cidrBlocks": ["a"]}, {"fromPort": 2, "cidrBlocks": ["b"]}]},
        {"ingress": [{"fromPort": 2, "cidrBlocks": ["b"]}, {"fromPort": 1, "cidrBlocks": ["a"]}]},
        None,
    ),
    "a bucket that may become public": (BLOCK, {"blockPublicAcls": True}, {"blockPublicAcls": False}, Harm.IDENTITY),
    "a bucket that may not": (BLOCK, {"blockPublicAcls": False}, {"blockPublicAcls": True}, None),
    "a cluster open to the internet": (
        CLUSTER,
        {"vpcConfig": {"endpointPublicAccess": False}},
        {"vpcConfig": {"endpointPublicAccess": True}},
        Harm.IDENTITY,
    ),
    "a cluster that closes": (
        CLUSTER,
        {"vpcConfig": {"endpointPublicAccess": True}},
        {"vpcConfig": {"endpointPublicAccess": False}},
        None,
    ),
    "a cluster open to every address": (
        CLUSTER,
        {"vpcConfig": {"publicAccessCidrs": ["10.0.0.0/8"]}},
        {"vpcConfig": {"publicAccessCidrs": ["0.0.0.0/0"]}},
        Harm.IDENTITY,
    ),
    "a role that allows everything": (
        "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole",
        {"rules": [{"verbs": ["get"], "resources": ["pods"]}]},
        {"rules": [{"verbs": ["*"], "resources": ["pods"]}]},
        Harm.IDENTITY,
    ),
    "a service account with another role": (
        "kubernetes:core/v1:ServiceAccount",
        {"metadata": {"annotations": {"eks.amazonaws.com/role-arn": "a"}}},
        {"metadata": {"annotations": {"eks.amazonaws.com/role-arn": "b"}}},
        Harm.IDENTITY,
    ),
    "a service account with another note": (
        "kubernetes:core/v1:ServiceAccount",
        {"metadata": {"annotations": {"a": "a"}}},
        {"metadata": {"annotations": {"a": "b"}}},
        None,
    ),
}


@pytest.mark.parametrize("name", UPDATES)
def test_an_update_has_exactly_the_expected_harms(name: str) -> None:
    type, old, new, harm = UPDATES[name]
    assert [each.harm for each in dangers(plan(update(type, old, new)))] == ([harm] if harm else [])


@pytest.mark.parametrize("name", [name for name, each in UPDATES.items() if each[3]])
def test_an_update_that_harms_names_the_property(name: str) -> None:
    type, old, new, _ = UPDATES[name]
    danger = only(update(type, old, new))
    root = next(key for key in {**old, **new} if old.get(key) != new.get(key))
    assert danger.certainty is Certainty.WILL
    assert danger.because and all(each.startswith(root) for each in danger.because)
    assert danger.text.startswith(f"Changes the {kind(type).words} it: ") and danger.text.endswith(".")


def test_old_and_new_values_are_abbreviated() -> None:
    danger = only(update(NODES, GPU, {**GPU, "scalingConfig": {"desiredSize": 1, "maxSize": 2, "minSize": 0}}))
    assert danger.because == ("scalingConfig.desiredSize: 2 → 1", "scalingConfig.maxSize: 4 → 2")


WHAT_WIDENS: dict[str, tuple[str, str, bool]] = {
    "all actions of a service": (document("s3:Get*"), document("s3:*"), True),
    "all actions": (document(), document("*"), True),
    "all actions but one": (document(), json.dumps({"Statement": {"Effect": "Allow", "NotAction": "iam:*"}}), True),
    "all principals": (document(Principal={"AWS": "arn:a"}), document(Principal="*"), True),
    "all principals in a list": (
        document(Principal={"AWS": "arn:a"}),
        document(Principal={"AWS": ["arn:a", "*"]}),
        True,
    ),
    "all principals under a condition": (
        document(Principal={"AWS": "a"}),
        document(Principal="*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}}),
        False,
    ),
    "what it allowed already": (document("s3:*"), document(["s3:*", "ec2:Describe*"]), False),
    "more that it denies": (
        document(),
        json.dumps({"Statement": {"Effect": "Deny", "Action": "*", "Principal": "*"}}),
        False,
    ),
}


@pytest.mark.parametrize("name", WHAT_WIDENS)
def test_a_policy_with_broad_permissions_is_reported(name: str) -> None:
    old, new, widens = WHAT_WIDENS[name]
    danger = only(update(POLICY, {"policy": old}, {"policy": new}))
    assert ("it grants broad permissions" in danger.text) == widens


GONE: dict[str, tuple[str, Any, Harm | None, str]] = {
    "a bucket": (BUCKET, {"forceDestroy": True}, Harm.DATA, "Deletes the S3 bucket it: every object in it is lost."),
    "a bucket that has to be empty": (
        BUCKET,
        {"forceDestroy": False},
        Harm.DATA,
        "rejects the deletion unless it is empty",
    ),
    "a public repository that may hold images": (
        "aws:ecrpublic/repository:Repository",
        {"forceDestroy": True},
        Harm.DATA,
        "every image in it is lost, and pods can no longer pull them.",
    ),
    "a database without a snapshot": (DATABASE, {"skipFinalSnapshot": True}, Harm.DATA, "no final snapshot is created"),
    "a protected database": (
        DATABASE,
        {"deletionProtection": True},
        Harm.DATA,
        "rejects the deletion while its deletionProtection",
    ),
    "a volume that its class retains": (
        "kubernetes:core/v1:PersistentVolume",
        {"spec": {"persistentVolumeReclaimPolicy": "Retain"}},
        None,
        "",
    ),
    "a volume": (
        "kubernetes:core/v1:PersistentVolume",
        {"spec": {"persistentVolumeReclaimPolicy": "Delete"}},
        Harm.DATA,
        "files",
    ),
    "GPU nodes": (NODES, GPU, Harm.CAPACITY, "g6.2xlarge may not be available again."),
    "nodes": (NODES, CPU, Harm.CAPACITY, "Deletes the EKS node group it: its nodes are drained and terminated."),
    "a reservation of GPUs": (
        RESERVATION,
        {"instanceType": "p5.48xlarge"},
        Harm.CAPACITY,
        "p5.48xlarge may not be available",
    ),
    "Neuron nodes of Karpenter": (
        POOL,
        {
            "spec": {
                "template": {
                    "spec": {"requirements": [{"key": "node.kubernetes.io/instance-type", "values": ["trn2.48xlarge"]}]}
                }
            }
        },
        Harm.CAPACITY,
        "trn2.48xlarge may not be available",
    ),
    "nodes with a GPU image": (
        NODES,
        {"amiType": "AL2023_x86_64_NVIDIA"},
        Harm.CAPACITY,
        "accelerators may not be available",
    ),
    "a launch template": (TEMPLATE, {"instanceType": "p5.48xlarge"}, None, ""),
    "a deployment": (DEPLOYMENT, {"spec": {"replicas": 2}}, Harm.SERVING, "its pods are terminated"),
    "a deployment without pods": (DEPLOYMENT, {"spec": {"replicas": 0}}, None, ""),
    "a disruption budget": (BUDGET, {}, Harm.SERVING, "a drain may evict all its pods at once"),
    "a load balancer": ("aws:lb/loadBalancer:LoadBalancer", {}, Harm.SERVING, "requests through it fail"),
    "a role": (ROLE, {}, Harm.IDENTITY, "lose their permissions"),
    "a tag": ("aws:autoscaling/tag:Tag", {}, None, ""),
    "something unheard of": ("acme:index:Box", {}, None, ""),
}


@pytest.mark.parametrize("name", GONE)
def test_a_deletion_harms_resources_that_hold_something(name: str) -> None:
    type, old, harm, text = GONE[name]
    reported = dangers(plan(change(type, Op.DELETE, inputs=old)))
    assert [(each.harm, each.certainty, each.because) for each in reported] == (
        [(harm, Certainty.WILL, ())] if harm else []
    )
    assert not harm or text in reported[0].text


@pytest.mark.parametrize("type", [DATABASE, NODES, ROLE, SERVICE])
def test_a_replacement_names_its_cause(type: str) -> None:
    danger = only(update(type, {"x": 1}, {"x": 2}, op=Op.REPLACE, forced_by=("x",)))
    assert danger.text.startswith(f"Replaces the {kind(type).words} it: ")
    assert (danger.certainty, danger.because) == (Certainty.WILL, ("x: 1 → 2",))


def test_a_create_before_delete_replacement_with_the_same_address_interrupts_nothing() -> None:
    forced: dict[str, Any] = {"op": Op.REPLACE, "forced_by": ("x",)}
    assert dangers(plan(update(DEPLOYMENT, {"x": 1}, {"x": 2}, **forced))) == ()
    gap = only(update(DEPLOYMENT, {"x": 1}, {"x": 2}, deletes_first=True, **forced))
    assert (gap.harm, "until the new one exists" in gap.text) == (Harm.SERVING, True)
    moved = only(update(SERVICE, {"x": 1}, {"x": 2}, **forced))
    assert "another address" in moved.text


def test_a_replacement_because_of_an_unknown_value_may_happen_and_names_its_source() -> None:
    template = urn(TEMPLATE, "template")
    danger = dangers(
        plan(
            change(TEMPLATE, Op.REPLACE, name="template", inputs={"instanceType": "g6.xlarge"}),
            update(
                NODES,
                {**GPU, "launchTemplate": {"id": "lt-1"}},
                {**GPU, "launchTemplate": {"id": UNKNOWN}},
                op=Op.REPLACE,
                forced_by=("launchTemplate.id",),
                depends={"launchTemplate": (template,)},
            ),
        )
    )[0]
    assert (danger.harm, danger.certainty) == (Harm.CAPACITY, Certainty.MAY)
    assert danger.text.startswith("May replace the EKS node group it: ")
    assert danger.because == (
        "launchTemplate.id: lt-1 → (known after the update), since launch template template is replaced",
    )


def test_a_replacement_because_of_a_known_and_an_unknown_value_will_happen() -> None:
    danger = only(update(DATABASE, {"a": 1, "b": 1}, {"a": UNKNOWN, "b": 2}, op=Op.REPLACE, forced_by=("a", "b")))
    assert danger.certainty is Certainty.WILL


def test_an_unknown_policy_may_change_permissions() -> None:
    danger = only(
        change(BUCKET, name="b"),
        update(POLICY, {"policy": document()}, {"policy": UNKNOWN}, depends={"policy": (urn(BUCKET, "b"),)}),
    )
    assert (danger.harm, danger.certainty) == (Harm.IDENTITY, Certainty.MAY)
    assert danger.because[0].endswith("→ (known after the update), since S3 bucket b changes")


def test_another_type_in_the_launch_template_is_reported_for_the_nodes() -> None:
    template = urn(TEMPLATE, "template")
    nodes = {"amiType": "BOTTLEROCKET_x86_64_NVIDIA"}
    reported = dangers(
        plan(
            update(TEMPLATE, {"instanceType": "g6.2xlarge"}, {"instanceType": "g6e.2xlarge"}, name="template"),
            update(
                NODES,
                {**nodes, "launchTemplate": {"version": "1"}},
                {**nodes, "launchTemplate": {"version": UNKNOWN}},
                depends={"launchTemplate": (template,)},
            ),
        )
    )
    (danger,) = reported
    assert (danger.harm, danger.certainty) == (Harm.CAPACITY, Certainty.WILL)
    assert "g6e.2xlarge capacity may be unavailable" in danger.text
    assert danger.because[0] == "launchTemplate: g6.2xlarge → g6e.2xlarge"


def test_changed_tags_in_the_launch_template_replace_gpu_nodes_and_are_reported() -> None:
    def changes(type: str) -> tuple[Change, Change]:
        return (
            update(
                TEMPLATE,
                {"instanceType": type, "tags": {"a": "1"}},
                {"instanceType": type, "tags": {}},
                name="template",
            ),
            update(
                NODES,
                {"launchTemplate": {"version": "1"}},
                {"launchTemplate": {"version": UNKNOWN}},
                depends={"launchTemplate": (urn(TEMPLATE, "template"),)},
            ),
        )

    danger = only(*changes("g6.2xlarge"))
    assert (danger.certainty, "replaced one by one" in danger.text) == (Certainty.MAY, True)
    assert dangers(plan(*changes("m7i.large"))) == ()


def test_a_launch_template_is_also_found_by_its_id() -> None:
    danger = only(
        change(TEMPLATE, Op.SAME, name="template", inputs={"instanceType": "g6.2xlarge"}, id="lt-1"),
        change(NODES, Op.DELETE, inputs={"launchTemplate": {"id": "lt-1"}}),
    )
    assert "g6.2xlarge may not be available again" in danger.text


def test_an_endpoint_with_other_instances() -> None:
    configuration = "aws:sagemaker/endpointConfiguration:EndpointConfiguration"
    old, new = ({"productionVariants": [{"instanceType": each}]} for each in ("ml.g5.xlarge", "ml.g6.xlarge"))
    danger = only(
        update(configuration, old, new, name="c", op=Op.REPLACE),
        update(
            ENDPOINT,
            {"endpointConfigName": "a"},
            {"endpointConfigName": UNKNOWN},
            depends={"endpointConfigName": (urn(configuration, "c"),)},
        ),
    )
    assert (danger.harm, danger.because[0]) == (Harm.CAPACITY, "endpointConfigName: ml.g5.xlarge → ml.g6.xlarge")


def test_the_first_creation_has_no_dangers() -> None:
    every = [
        change(
            type,
            Op.CREATE,
            name=str(number),
            inputs={"acl": "private", "policy": document(), "policyArn": READER, "role": "r"},
        )
        for number, type in enumerate((BUCKET, POLICY, ROLE, ATTACHMENT, NODES, DEPLOYMENT))
    ]
    assert dangers(plan(*every)) == ()


@pytest.mark.parametrize(
    ("type", "inputs", "target", "harm"),
    [
        (ATTACHMENT, {"policyArn": READER}, "role", Harm.IDENTITY),
        (INGRESS, {"cidrIpv4": "10.0.0.0/8"}, "securityGroupId", Harm.IDENTITY),
        (LIFECYCLE, LIFE, "bucket", Harm.DATA),
    ],
)
def test_a_creation_that_changes_an_existing_resource_is_reported(
    type: str, inputs: Any, target: str, harm: Harm
) -> None:
    def made(whole: Op) -> list[Harm]:
        depends = {target: (urn(ROLE, "whole"),)}
        new = change(type, Op.CREATE, inputs={**inputs, target: UNKNOWN}, depends=depends)
        return [
            each.harm
            for each in dangers(plan(change(ROLE, whole, name="whole"), change(BUCKET, Op.SAME, name="b"), new))
        ]

    assert made(Op.SAME) == [harm]
    assert made(Op.CREATE) == []
    # The engine does not list unchanged resources by default.
    unlisted = change(type, Op.CREATE, inputs={**inputs, target: "whole"}, depends={target: (urn(ROLE, "whole"),)})
    assert [each.harm for each in dangers(plan(unlisted))] == [harm]


def test_a_new_administrator_is_reported() -> None:
    danger = only(
        change(ROLE, Op.SAME, name="r", id="r"), change(ATTACHMENT, Op.CREATE, inputs={"role": "r", "policyArn": ADMIN})
    )
    effects = "the role gets administrative permissions; the role gets more permissions"
    assert danger.text == f"Creates the policy of an IAM role it: {effects}."


def test_a_part_is_not_reported_if_the_whole_is_deleted() -> None:
    def gone(whole: Op, **part: Any) -> list[str]:
        changes = (change(ROLE, whole, name="role", id="role-1"), change(ATTACHMENT, Op.DELETE, **part))
        return [each.name for each in dangers(plan(*changes))]

    assert gone(Op.DELETE, depends={"role": (urn(ROLE, "role"),)}) == ["role"]
    assert gone(Op.DELETE, inputs={"role": "role-1"}) == ["role"]
    assert gone(Op.SAME, inputs={"role": "role-1"}) == ["it"]


def test_every_stateful_resource_of_a_deleted_component_is_a_row() -> None:
    component = Change(urn("mlplatform:index:DataBucket", "raw"), Op.DELETE, old={}, custom=False)
    changes = [
        change(BUCKET, Op.DELETE, name="b", parent=component.urn),
        change(
            "aws:s3/bucketObjectv2:BucketObjectv2", Op.DELETE, name="o", parent=component.urn, inputs={"bucket": "b"}
        ),
    ]
    reported = dangers(plan(component, *changes))
    assert sorted((each.name, each.component) for each in reported) == [
        ("b", "DataBucket raw"),
        ("o", "DataBucket raw"),
    ]


def test_the_deletion_of_a_protected_resource_is_reported_as_rejected() -> None:
    danger = only(change(DATABASE, Op.DELETE, protected=True))
    assert danger.protected and danger.text.endswith("the engine rejects this, since it is protected.")


@pytest.mark.parametrize("op", [Op.DELETE, Op.REPLACE])
@pytest.mark.parametrize("type", [DATABASE, BUCKET, NODES, ROLE])
def test_a_retained_resource_destroys_nothing(op: Op, type: str) -> None:
    assert all(danger.harm is Harm.SERVING for danger in dangers(plan(change(type, op, retained=True))))


def test_the_replacement_of_a_retained_resource_has_another_address() -> None:
    danger = only(change("aws:lb/loadBalancer:LoadBalancer", Op.REPLACE, retained=True))
    assert danger.harm is Harm.SERVING and danger.retained
    assert "the old one stays in the cloud, but the stack no longer manages it" in danger.text


@pytest.mark.parametrize("op", [Op.FORGET, Op.GONE, Op.REFRESH])
def test_resources_that_are_no_longer_managed_or_already_gone_are_not_a_danger(op: Op) -> None:
    assert dangers(plan(*(change(type, op, name=type) for type in (BUCKET, DATABASE, ROLE)))) == ()


def test_removed_protection_is_reported_even_if_nothing_else_changes() -> None:
    danger = only(change(BUCKET, Op.SAME, unprotected=True, unretained=True))
    assert danger.because == ("protect: true → false", "retainOnDelete: true → false")
    assert dangers(plan(change("aws:autoscaling/tag:Tag", Op.SAME, unprotected=True))) == ()


def test_a_replaced_provider_replaces_its_objects() -> None:
    provider = change(
        PROVIDER,
        Op.REPLACE,
        name="cluster",
        forced_by=("kubeconfig",),
        old={"kubeconfig": "a"},
        new={"kubeconfig": UNKNOWN},
    )
    reported = dangers(plan(provider, change(BUDGET, Op.REPLACE, provider=provider.urn), change(ROLE, Op.SAME)))
    assert [(each.name, each.certainty) for each in reported] == [("cluster", Certainty.MAY)]
    assert "resources created with it: 1" in reported[0].text
    assert dangers(plan(change(PROVIDER, Op.DELETE))) == ()


def test_a_changed_secret_is_a_change_of_identity_and_not_a_loss_of_data() -> None:
    version = "aws:secretsmanager/secretVersion:SecretVersion"
    old, new = ({"secretString": Secret("secret", mark)} for mark in (b"1", b"2"))
    danger = only(update(version, old, new, op=Op.REPLACE, forced_by=("secretString",)))
    assert (danger.harm, danger.because) == (Harm.IDENTITY, ("secretString: (secret) → (secret, changed)",))


def test_the_worst_comes_first() -> None:
    every = [
        change(ROLE, Op.DELETE, name="role"),
        change(SERVICE, Op.DELETE, name="service"),
        update(GROUP, {"ingress": []}, {"ingress": [{"cidrBlocks": ["0.0.0.0/0"]}]}, name="open"),
        change(NODES, Op.DELETE, name="cpu", inputs=CPU),
        change(NODES, Op.DELETE, name="gpu", inputs=GPU),
        update(BUCKET, {}, {"forceDestroy": True}, name="weaker"),
        update(DATABASE, {"a": 1}, {"a": UNKNOWN}, name="maybe", op=Op.REPLACE, forced_by=("a",)),
        change(DATABASE, Op.REPLACE, name="replaced"),
        change(DATABASE, Op.DELETE, name="gone"),
    ]
    order = ["gone", "replaced", "open", "maybe", "gpu", "service", "role", "cpu", "weaker"]
    assert [each.name for each in dangers(plan(*every))] == order
    assert [each.name for each in dangers(plan(*reversed(every)))] == order


def test_many_causes_are_counted() -> None:
    old, new = ({f"p{number}": side for number in range(9)} for side in (1, 2))
    danger = only(update(DATABASE, old, new, op=Op.REPLACE, forced_by=tuple(old)))
    assert len(danger.because) == MAX_CAUSES and danger.because[-1] == "and 5 more"


def test_every_test_in_the_table_exists_and_is_used() -> None:
    named = {watch.test for each in every_record.every() for watch in each.watches}
    assert named == {*TESTS, "otherInstances"}


EXACT = sorted(
    f"{type}:{type.rsplit('/', 1)[-1][0].upper()}{type.rsplit('/', 1)[-1][1:]}"
    if "/" in type and ":" in type and type.count(":") == 1
    else type
    for type in records.names()
    for record in [records.record(type)]
    if record.holds and record.holds[0] is Holding.DATA
    if not (record.part_of or record.unless or record.given or record.guards)
)
INPUTS = st.dictionaries(
    st.sampled_from(["name", "forceDestroy", "bucket", "policy", "spec", "engine"]),
    st.booleans() | st.text(max_size=5) | st.just(UNKNOWN) | st.just(Secret("s", b"1")),
    max_size=4,
)


@given(st.sampled_from(EXACT), st.sampled_from([Op.DELETE, Op.REPLACE]), INPUTS, INPUTS, st.booleans())
def test_every_deletion_of_a_stateful_resource_is_reported(
    type: str, op: Op, old: Any, new: Any, protected: bool
) -> None:
    sides = {"old": old, "new": None if op is Op.DELETE else new}
    reported = dangers(plan(change(type, op, protected=protected, **sides)))
    worst = reported[0]
    harm = Harm.SERVING if retention.kept_data(type, old) else Harm.DATA
    assert (worst.harm, worst.op, worst.protected, worst.retained) == (harm, op, protected, False)
    assert len(worst.text) < 500 and all(len(each) < 500 for each in worst.because)


@given(INPUTS, st.sampled_from(EXACT))
def test_an_unchanged_resource_is_not_a_danger(inputs: Any, type: str) -> None:
    assert dangers(plan(update(type, inputs, inputs), change(type, Op.SAME, name="other", inputs=inputs))) == ()


@pytest.mark.engine  # takes seconds
@bounded
def test_two_thousand_resources_take_little_time() -> None:
    types = [BUCKET, DATABASE, NODES, ROLE, DEPLOYMENT, GROUP, POLICY, LIFECYCLE]
    every = [
        update(
            types[number % 8],
            {**GPU, "policy": document()},
            {**CPU, "policy": document("*")},
            name=str(number),
            op=[Op.UPDATE, Op.REPLACE][number % 2],
            forced_by=("instanceTypes",),
        )
        for number in range(2_000)
    ]
    assert dangers(plan(*every))
