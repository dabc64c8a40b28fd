"""Workloads of AWS that run with other permissions or privileges, and principals and providers that get access."""

import json
from typing import Any

from changes import change, plan, update
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.plan.model import Change, Op
from mlpctl.review.report.model import Harm
from mlpctl.review.values.plain import UNKNOWN

TASKS, JOBS = "aws:ecs/taskDefinition:TaskDefinition", "aws:batch/jobDefinition:JobDefinition"
DOMAIN, PROVIDER = "aws:sagemaker/domain:Domain", "aws:eks/identityProviderConfig:IdentityProviderConfig"
PERMISSIONS, ROOT = "permissions change", "root permissions on their instance"
FILES, ADDRESSES = "access the files of their instance", "public address"
FOREIGN = "arn:aws:iam::999999999999:root"


def text_of(*changes: Change) -> str:
    return " ".join(each.text for each in dangers(plan(*changes)) if each.harm is Harm.IDENTITY)


def tasks(**container: Any) -> dict[str, Any]:
    return {"family": "a", "containerDefinitions": json.dumps([{"name": "a", "image": "x", **container}])}


def job(**container: Any) -> dict[str, Any]:
    return {"name": "a", "containerProperties": json.dumps({"image": "x", **container})}


def pod(**properties: Any) -> dict[str, Any]:
    return {"name": "a", "eksProperties": {"podProperties": properties}}


ROLES = [
    *(
        (type, {name: "r1"}, {name: "r2"})
        for type, name in (
            ("aws:sfn/stateMachine:StateMachine", "roleArn"),
            ("aws:glue/job:Job", "roleArn"),
            ("aws:glue/crawler:Crawler", "role"),
            ("aws:sagemaker/model:Model", "executionRoleArn"),
            ("aws:sagemaker/notebookInstance:NotebookInstance", "roleArn"),
            (TASKS, "taskRoleArn"),
            ("aws:ec2/launchConfiguration:LaunchConfiguration", "iamInstanceProfile"),
            (TASKS, "executionRoleArn"),
            ("aws:emr/cluster:Cluster", "serviceRole"),
            ("aws:imagebuilder/infrastructureConfiguration:InfrastructureConfiguration", "instanceProfileName"),
            ("aws:rds/cluster:Cluster", "iamRoles"),
            ("aws-native:stepfunctions:StateMachine", "roleArn"),
        )
    ),
    (DOMAIN, {"defaultUserSettings": {"executionRole": "r1"}}, {"defaultUserSettings": {"executionRole": "r2"}}),
    (
        "aws:sagemaker/userProfile:UserProfile",
        {"userSettings": {"executionRole": "r1"}},
        {"userSettings": {"executionRole": "r2"}},
    ),
    (JOBS, job(jobRoleArn="r1"), job(jobRoleArn="r2")),
    (JOBS, pod(serviceAccountName="a"), pod(serviceAccountName="admin")),
]


def test_a_workload_with_another_role_has_other_permissions() -> None:
    for type, old, new in ROLES:
        assert text_of(update(type, old, new)).count(PERMISSIONS) == 1, (type, new)
        assert text_of(update(type, old, {**old, "description": "x"})) == "", type
        assert text_of(change(type, Op.CREATE, inputs=new)) == "", type


PRIVILEGES = [
    (TASKS, tasks(), tasks(privileged=True), ROOT),
    (TASKS, tasks(), tasks(linuxParameters={"capabilities": {"add": ["SYS_ADMIN"]}}), ROOT),
    (TASKS, tasks(), {**tasks(), "pidMode": "host"}, "control the processes of their instance"),
    (TASKS, tasks(), {**tasks(), "volumes": [{"name": "h", "hostPath": "/"}]}, FILES),
    (JOBS, job(), job(privileged=True), ROOT),
    (JOBS, job(), job(volumes=[{"name": "h", "host": {"sourcePath": "/etc"}}]), FILES),
    (
        JOBS,
        pod(containers=[{"name": "a"}]),
        pod(containers=[{"name": "a", "securityContext": {"privileged": True}}]),
        ROOT,
    ),
]


def test_a_privileged_workload_is_reported_also_when_it_is_created() -> None:
    for type, old, new, says in PRIVILEGES:
        assert says in text_of(update(type, old, new)), (type, new)
        assert says in text_of(change(type, Op.CREATE, inputs=new)), (type, new)
        assert text_of(update(type, new, old)) == text_of(change(type, Op.CREATE, inputs=old)) == "", type


SETTINGS = [
    (
        "aws:sagemaker/notebookInstance:NotebookInstance",
        {"rootAccess": "Disabled"},
        {"rootAccess": "Enabled"},
        "root permissions",
    ),
    ("aws:iam/user:User", {"permissionsBoundary": "b"}, {}, "nothing limits its permissions"),
    ("aws:ec2/instance:Instance", {"ami": "a"}, {"ami": "a", "associatePublicIpAddress": True}, ADDRESSES),
    (
        "aws:ec2/launchTemplate:LaunchTemplate",
        {"networkInterfaces": [{}]},
        {"networkInterfaces": [{"associatePublicIpAddress": "true"}]},
        ADDRESSES,
    ),
    (
        PROVIDER,
        {"oidc": {"issuerUrl": "https://idp.example.org"}},
        {"oidc": {"issuerUrl": "https://token.actions.githubusercontent.com"}},
        "that many customers share",
    ),
    (
        "aws:bedrock/guardrail:Guardrail",
        *(
            {"contentPolicyConfig": {"filtersConfigs": [{"type": "HATE", "inputStrength": each}]}}
            for each in ("HIGH", "NONE")
        ),
        "blocks less content in prompts",
    ),
]


def test_a_setting_that_weakens_a_limit_is_reported() -> None:
    for type, old, new, says in SETTINGS:
        assert says in text_of(update(type, old, new)), type
        assert says not in text_of(update(type, new, old)), type


CHANGED = [
    ("aws:iam/samlProvider:SamlProvider", "samlMetadataDocument", "<a/>", "<b/>", "another identity provider"),
    ("aws:rolesanywhere/profile:Profile", "roleArns", ["r"], ["r", "admin"], "roles that its workloads can assume"),
    (
        "aws:rolesanywhere/trustAnchor:TrustAnchor",
        "source",
        {"sourceType": "a"},
        {"sourceType": "b"},
        "another authority",
    ),
    (
        "aws:cognito/identityProvider:IdentityProvider",
        "providerDetails",
        {"MetadataURL": "a"},
        {"MetadataURL": "b"},
        "another identity provider",
    ),
    (
        "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider",
        "aws",
        {"accountId": "1"},
        {"accountId": "2"},
        "the identities that it accepts",
    ),
    (
        "gcp:iam/workforcePoolProvider:WorkforcePoolProvider",
        "saml",
        {"idpMetadataXml": "a"},
        {"idpMetadataXml": "b"},
        "the identities that it accepts",
    ),
    ("aws:cognito/identityPool:IdentityPool", "samlProviderArns", ["a"], ["b"], "whose users get credentials"),
]


def test_another_provider_of_identities_is_reported() -> None:
    for type, name, old, new, says in CHANGED:
        assert says in text_of(update(type, {name: old}, {name: new})), type
        assert text_of(update(type, {name: old}, {name: old, "tags": {"a": "b"}})) == "", type


def test_an_elastic_address_for_something_that_exists_is_reported() -> None:
    eip, link = "aws:ec2/eip:Eip", "aws:ec2/eipAssociation:EipAssociation"
    for type, name in (
        (eip, "instance"),
        (eip, "networkInterface"),
        (link, "instanceId"),
        (link, "networkInterfaceId"),
    ):
        assert ADDRESSES in text_of(change(type, Op.CREATE, inputs={name: "i-1"})), (type, name)
        assert text_of(change(type, Op.CREATE, inputs={name: UNKNOWN})) == "", (type, name)


def policy(principal: Any, **more: Any) -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "x:Get*", "Resource": "*", **more}
    return json.dumps({"Statement": [statement]})


TARGETS = {
    "aws:s3/bucketPolicy:BucketPolicy": "bucket",
    "aws:ecr/repositoryPolicy:RepositoryPolicy": "repository",
    "aws:secretsmanager/secretPolicy:SecretPolicy": "secretArn",
    "aws:sqs/queuePolicy:QueuePolicy": "queueUrl",
    "aws:sns/topicPolicy:TopicPolicy": "arn",
    "aws:efs/fileSystemPolicy:FileSystemPolicy": "fileSystemId",
    "aws:dynamodb/resourcePolicy:ResourcePolicy": "resourceArn",
}


def test_a_new_policy_of_an_existing_resource_reports_the_access_of_principals() -> None:
    organization = {"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}}
    for type, target in TARGETS.items():
        for principal, more, told in (
            ({"AWS": FOREIGN}, {}, True),
            ("*", organization, True),
            ({"Service": "logging.s3.amazonaws.com"}, {}, False),
            ({"AWS": FOREIGN}, {"Effect": "Deny"}, False),
            (UNKNOWN, {}, False),
        ):
            text = policy(principal, **more) if principal is not UNKNOWN else UNKNOWN
            new = change(type, Op.CREATE, inputs={target: "existing", "policy": text})
            assert ("another principal can use it" in text_of(new)) is told, (type, principal)
        assert "another principal" not in text_of(
            change(type, Op.CREATE, inputs={target: UNKNOWN, "policy": policy({"AWS": FOREIGN})})
        )


GRANTS = [
    (
        "aws:lambda/permission:Permission",
        {"function": "f", "principal": "999999999999"},
        "function",
        "another principal can call it",
    ),
    (
        "aws:ec2/snapshotCreateVolumePermission:SnapshotCreateVolumePermission",
        {"snapshotId": "s", "accountId": "9"},
        "snapshotId",
        "another account can copy",
    ),
    (
        "aws:ec2/amiLaunchPermission:AmiLaunchPermission",
        {"imageId": "a", "accountId": "9"},
        "imageId",
        "another account can start it",
    ),
    (
        "aws:eks/podIdentityAssociation:PodIdentityAssociation",
        {"clusterName": "c", "roleArn": "r"},
        "clusterName",
        "permissions of the role",
    ),
    (
        PROVIDER,
        {"clusterName": "c", "oidc": {"issuerUrl": "https://idp.example.org"}},
        "clusterName",
        "can sign in to the cluster",
    ),
    (
        "aws:ram/principalAssociation:PrincipalAssociation",
        {"resourceShareArn": "s", "principal": "9"},
        "resourceShareArn",
        "another principal",
    ),
]


def test_a_new_permission_for_something_that_exists_is_reported() -> None:
    for type, inputs, target, says in GRANTS:
        assert says in text_of(change(type, Op.CREATE, inputs=inputs)), type
        assert says not in text_of(change(type, Op.CREATE, inputs={**inputs, target: UNKNOWN})), type
    by_service = {"function": "f", "principal": "s3.amazonaws.com"}
    assert text_of(change("aws:lambda/permission:Permission", Op.CREATE, inputs=by_service)) == ""
    everybody = {"principal": "IAM_ALLOWED_PRINCIPALS", "permissions": ["ALL"], "database": {"name": "d"}}
    assert "every principal" in text_of(
        change("aws:lakeformation/permissions:Permissions", Op.CREATE, inputs=everybody)
    )


NATIVE: list[tuple[str, Any, Any, str]] = [
    (
        "aws-native:ecs:TaskDefinition",
        {"containerDefinitions": [{"name": "a"}]},
        {"containerDefinitions": [{"name": "a", "privileged": True}]},
        ROOT,
    ),
    (
        "aws-native:batch:JobDefinition",
        {"containerProperties": {}},
        {"containerProperties": {"privileged": True}},
        ROOT,
    ),
    (
        "aws-native:batch:JobDefinition",
        {},
        {"containerProperties": {"volumes": [{"host": {"sourcePath": "/"}}]}},
        FILES,
    ),
    (
        "aws-native:sagemaker:NotebookInstance",
        {"rootAccess": "Disabled"},
        {"rootAccess": "Enabled"},
        "root permissions",
    ),
    ("aws-native:iam:User", {"permissionsBoundary": "b"}, {}, "nothing limits its permissions"),
    (
        "aws-native:ec2:VpcBlockPublicAccessOptions",
        {"internetGatewayBlockMode": "block-ingress"},
        {},
        "VPCs may be reachable",
    ),
    (
        "aws-native:networkfirewall:FirewallPolicy",
        {"firewallPolicy": {"statelessDefaultActions": ["aws:drop"]}},
        {"firewallPolicy": {"statelessDefaultActions": ["aws:pass"]}},
        "matches no rule passes",
    ),
    (
        "aws-native:route53resolver:FirewallRuleGroup",
        {"firewallRules": [{"action": "BLOCK"}]},
        {"firewallRules": [{"action": "ALLOW"}]},
        "names that it blocked",
    ),
    ("aws-native:s3:AccessPoint", {"vpcConfiguration": {"vpcId": "v"}}, {}, "requests from the internet"),
    ("aws-native:ec2:Instance", {}, {"networkInterfaces": [{"associatePublicIpAddress": True}]}, ADDRESSES),
]


def test_the_native_provider_reports_the_same() -> None:
    for type, old, new, says in NATIVE:
        assert says in text_of(update(type, old, new)), type
        assert says not in text_of(update(type, new, old)), type
    lasting, short = (
        {"policy": json.dumps({"Rules": [{"Resource": ["index/x/*"], **each}]})}
        for each in ({"NoMinIndexRetention": True}, {"MinIndexRetention": "1d"})
    )
    (danger,) = dangers(plan(update("aws-native:opensearchserverless:LifecyclePolicy", lasting, short)))
    assert danger.harm is Harm.DATA
