"""Properties of the whole program, for any stack file."""

import ast
import json
import re
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s
import pytest
import yaml

import mlplatform
from mlpctl import config
from mlpctl.config import read
from mlplatform import testing
from mlplatform.outputs import PlatformOutputs
from mlplatform.testing import CALLER_ARN, declare

STACKS = sorted((Path(__file__).parents[2] / "stacks").glob("Pulumi.*.yaml"))
PlanOf = Callable[[Path], Any]

every_stack = pytest.mark.parametrize("stack", STACKS, ids=lambda path: path.stem.removeprefix("Pulumi."))


@every_stack
def test_the_resources_of_the_file_are_declared(stack: Path, plan_of: PlanOf) -> None:
    plan, platform = plan_of(stack), read(stack).platform
    made = {(each.type.split(":")[-1], each.name) for each in plan if each.type.startswith("mlplatform:")}
    wanted = {("KeyRing", "keys"), ("Network", "network"), ("ImageRegistry", "images"), ("EksCluster", "cluster")}
    wanted |= {("ClusterGuardrails", "guardrails")}
    wanted |= {("DataBucket", name) for name in platform.buckets}
    wanted |= {("GpuNodePool", name) for name in platform.gpu_pools}
    wanted |= {("InferenceService", name) for name in platform.inference}
    wanted |= {("WorkloadIdentity", name) for name in platform.workloads}
    wanted |= {("TeamWorkspace", name) for name in platform.teams}
    wanted |= {("SharedFilesystem", name) for name in platform.shared_filesystems}
    assert made == wanted


@every_stack
def test_every_resource_belongs_to_a_component_but_the_cluster_s_provider(stack: Path, plan_of: PlanOf) -> None:
    alone = [each.type for each in plan_of(stack) if each.custom and not each.parent]
    assert alone == ["pulumi:providers:kubernetes"]


@every_stack
def test_models_depend_on_the_nodes_of_their_pool(stack: Path, plan_of: PlanOf) -> None:
    plan, platform = plan_of(stack), read(stack).platform
    for name, inference in platform.inference.items():
        (service,) = [each for each in plan if each.name == name and each.type.endswith(":InferenceService")]
        (nodes,) = [each for each in plan.of(aws.eks.NodeGroup) if each.parent == inference.pool]
        assert nodes.urn in service.depends_on
        deployment = plan.one(k8s.apps.v1.Deployment, f"{name}-deployment")
        assert deployment.provider, "not the default provider, which is whatever cluster the shell points to"


@every_stack
def test_models_depend_on_their_roles(stack: Path, plan_of: PlanOf) -> None:
    plan = plan_of(stack)
    associations = {each.urn for each in plan.of(aws.eks.PodIdentityAssociation)}
    assert len(associations) == len(read(stack).platform.identities)
    own = {each for each in associations if "WorkloadIdentity" in each}
    for service in (each for each in plan if each.type.endswith(":InferenceService")):
        assert own <= service.depends_on


@every_stack
def test_nodes_can_pull_a_new_image_through_a_cache(stack: Path, plan_of: PlanOf) -> None:
    plan, caches = plan_of(stack), read(stack).platform.images.pull_through
    fills = {
        each.name: json.loads(each.inputs["policy"]) for each in plan.of(aws.iam.RolePolicy) if "fill" in each.name
    }
    assert len(fills) == (len(plan.of(aws.eks.NodeGroup)) if caches else 0)
    for policy in fills.values():
        (statement,) = policy["Statement"]
        assert statement["Action"] == ["ecr:CreateRepository"]
        ends = [each.split(":repository/")[1] for each in statement["Resource"]]
        assert ends == [f"{name}/*" for name in caches]


@every_stack
def test_everything_at_rest_is_encrypted_with_the_platform_s_keys(stack: Path, plan_of: PlanOf) -> None:
    plan = plan_of(stack)
    assert all(each.inputs["kmsKeyId"] for each in plan.of(aws.cloudwatch.LogGroup))
    encrypted = {each.inputs["bucket"] for each in plan.of(aws.s3.BucketServerSideEncryptionConfiguration)}
    assert len(encrypted) == len(plan.of(aws.s3.Bucket))
    for repository in plan.of(aws.ecr.Repository):
        (sealed,) = repository.inputs["encryptionConfigurations"]
        assert (sealed["encryptionType"], bool(sealed["kmsKey"])) == ("KMS", True)
    for template in plan.of(aws.ec2.LaunchTemplate):
        volumes = [mapping["ebs"] for mapping in template.inputs["blockDeviceMappings"]]
        assert {(volume["encrypted"], bool(volume["kmsKeyId"])) for volume in volumes} == {("true", True)}
        assert template.inputs["metadataOptions"]["httpTokens"] == "required"


@every_stack
def test_resources_that_cannot_be_recreated_are_protected_only_in_production(stack: Path, plan_of: PlanOf) -> None:
    kinds = (aws.kms.Key, aws.s3.Bucket, aws.ecr.Repository, aws.eks.Cluster, aws.eks.NodeGroup, aws.ec2.Eip)
    found = [each for kind in (*kinds, k8s.apps.v1.Deployment) for each in plan_of(stack).of(kind)]
    assert len({each.type for each in found}) == len(kinds) + 1
    prod = read(stack).platform.profile.value == "prod"
    assert [each.name for each in found if each.protected is not prod] == []


@every_stack
def test_another_stack_reads_the_platform_from_its_outputs(stack: Path, plan_of: PlanOf) -> None:
    exported, platform = plan_of(stack).exports, read(stack).platform
    reference = "organization/mlplatform/platform"

    def program() -> None:
        found = PlatformOutputs.of(pulumi.StackReference(reference))
        pulumi.export("names", [found.buckets, found.gpu_pools, found.inference_endpoints])

    (buckets, pools, endpoints) = declare(program, stacks={reference: exported}).exports["names"]
    assert ({*buckets}, {*pools}, {*endpoints}) == ({*platform.buckets}, {*platform.gpu_pools}, {*platform.inference})


def test_an_access_entry_for_the_deployer_is_rejected_before_anything_is_declared(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EKS creates an entry for the creator, and would reject a second one after network and cluster are created."""
    platform = read(next(path for path in STACKS if path.stem == "Pulumi.local")).platform
    access = {"deployer": {"principalArn": CALLER_ARN, "level": "clusterAdmin"}}
    cluster = mlplatform.EksClusterSpec.model_validate({"access": access})
    monkeypatch.setattr(config, "load", lambda: platform.model_copy(update={"cluster": cluster}))
    declared: list[str] = []

    class Spy(testing._Monitor):
        def RegisterResource(self, request: Any) -> Any:
            declared.extend([request.type] if request.type != testing.STACK_TYPE else [])
            return super().RegisterResource(request)

    monkeypatch.setattr(testing, "_Monitor", Spy)
    with pytest.raises(pulumi.RunError, match=r"^cluster\.access\.deployer is for"):
        declare(lambda: runpy.run_path(str(root / "platform" / "__main__.py")), {"aws:region": "us-east-1"})
    assert declared == []


def test_models_have_images_and_weights_from_their_own_account(plan_of: PlanOf) -> None:
    """Files contain no account ID, and a starting pod uses neither a public registry nor a model hub."""
    for name in ("staging", "prod"):
        stack = next(each for each in STACKS if each.stem == f"Pulumi.{name}")
        (pod,) = plan_of(stack).one(k8s.apps.v1.Deployment).inputs["spec"]["template"]["spec"]["containers"]
        assert re.fullmatch(
            r"123456789012\.dkr\.ecr\.us-east-1\.amazonaws\.com/[^:@]+:v[^@]+@sha256:[0-9a-f]{64}", pod["image"]
        )
        env = {each["name"]: each["value"] for each in pod["env"]}
        assert env["MODEL_URI"] == "s3://models-bucket-id/qwen3-32b/v1/"
        policy = plan_of(stack).one(k8s.networking.v1.NetworkPolicy, "assistant-network-policy").inputs["spec"]
        reached = [to["ipBlock"]["cidr"] for rule in policy["egress"] for to in rule["to"] if "ipBlock" in to]
        assert "52.216.0.0/15" in reached and "0.0.0.0/0" not in reached
        assert "dkr.ecr" not in stack.read_text()


def test_a_model_can_call_s3_if_it_or_its_workload_uses_a_bucket(plan_of: PlanOf, tmp_path: Path) -> None:
    local = next(each for each in STACKS if each.stem == "Pulumi.local")
    file = yaml.safe_load(local.read_text())
    del file["config"]["mlplatform:platform"]["workloads"]
    without = tmp_path / "Pulumi.without.yaml"
    without.write_text(yaml.safe_dump(file, sort_keys=False))

    def reached(stack: Path) -> set[str]:
        rules = plan_of(stack).one(k8s.networking.v1.NetworkPolicy, "chat-network-policy").inputs["spec"]["egress"]
        return {to["ipBlock"]["cidr"] for rule in rules for to in rule["to"] if "ipBlock" in to}

    assert reached(local) - reached(without) == {"52.216.0.0/15"}


def test_namespaces_with_guards_call_a_model_that_admits_them(plan_of: PlanOf, tmp_path: Path) -> None:
    text = next(each for each in STACKS if each.name == "Pulumi.local.yaml").read_text()
    document = yaml.safe_load(text)
    wanted = document["config"]["mlplatform:platform"]
    wanted["inference"]["chat"]["callers"] = ["batch", "research"]
    wanted["guardrails"] = {"namespaces": {"batch": {"calls": ["chat"]}}}
    wanted["teams"]["research"]["namespaces"]["research"]["calls"] = ["chat"]
    made = tmp_path / "Pulumi.made.yaml"
    made.write_text(yaml.safe_dump(document))
    plan = plan_of(made)
    chat = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "chat"}}}
    rule = {"to": [chat], "ports": [{"port": 8000, "protocol": "TCP"}]}
    for policy in ("guardrails-batch-network-policy", "research-research-network-policy"):
        assert rule in plan.one(k8s.networking.v1.NetworkPolicy, policy).inputs["spec"]["egress"]


def test_every_role_is_below_the_path_of_the_stack(plan_of: PlanOf, tmp_path: Path) -> None:
    local = next(each for each in STACKS if each.stem == "Pulumi.local")
    file = yaml.safe_load(local.read_text())
    file["config"]["mlplatform:platform"] |= {"rolePath": "teams/ml/", "permissionsBoundary": "teams/ml/roles"}
    made = tmp_path / "Pulumi.made.yaml"
    made.write_text(yaml.safe_dump(file, sort_keys=False))
    roles = [each.inputs for each in plan_of(made).of(aws.iam.Role)]
    assert len(roles) > 5
    assert {(each["path"], each["permissionsBoundary"]) for each in roles} == {
        ("/teams/ml/", "arn:aws:iam::123456789012:policy/teams/ml/roles")
    }
    assert plan_of(made).of(aws.iam.Policy) == [], "an update below a path needs no permission to write policies"
    assert all("path" not in each.inputs for each in plan_of(local).of(aws.iam.Role))


def test_a_model_s_secret_installs_the_add_on_and_can_be_read(plan_of: PlanOf, tmp_path: Path) -> None:
    local = next(each for each in STACKS if each.stem == "Pulumi.local")
    file = yaml.safe_load(local.read_text())
    platform = file["config"]["mlplatform:platform"]
    platform["inference"]["chat"]["secretEnv"] = {"HF_TOKEN": {"secret": "hf-token"}}
    platform["workloads"]["chat"]["secrets"] = ["hf-token"]
    made = tmp_path / "Pulumi.made.yaml"
    made.write_text(yaml.safe_dump(file, sort_keys=False))

    addon = "cluster-aws-secrets-store-csi-driver-provider"
    assert addon not in [each.name for each in plan_of(local).of(aws.eks.Addon)]
    settings = json.loads(plan_of(made).one(aws.eks.Addon, addon).inputs["configurationValues"])
    assert settings["tolerations"] == [{"operator": "Exists"}], "GPU nodes have a taint"
    assert settings["secrets-store-csi-driver"]["syncSecret"]["enabled"] is True
    policy = json.loads(plan_of(made).one(aws.iam.RolePolicy, "chat-access").inputs["policy"])
    reads = [each for each in policy["Statement"] if "secretsmanager:GetSecretValue" in each["Action"]]
    assert [each["Resource"] for each in reads] == [
        ["arn:aws:secretsmanager:us-east-1:123456789012:secret:hf-token-??????"]
    ]
    (secrets,) = [each for each in plan_of(made) if each.type.endswith(":SecretProviderClass")]
    assert secrets.inputs["spec"]["parameters"]["region"] == "us-east-1"


PROGRAM = Path(__file__).parents[2] / "platform"
LOOPS = (ast.For, ast.AsyncFor, ast.While, ast.comprehension)


@pytest.mark.parametrize(
    "page", [PROGRAM / "__main__.py", *sorted((PROGRAM / "layers").glob("*.py"))], ids=lambda p: p.stem
)
def test_each_layer_fits_on_a_page(page: Path) -> None:
    """A newcomer can read a layer as a whole. What does not fit belongs in a component or in the config."""
    text = page.read_text()
    assert len(text.splitlines()) <= 100
    for loop in (node for node in ast.walk(ast.parse(text)) if isinstance(node, LOOPS)):
        source = ast.unparse(loop.iter)
        assert source.startswith(("platform.", "workload.", "self.")) or source.endswith(".items()"), source


def test_a_network_is_looked_up_once(plan_of: PlanOf) -> None:
    for stack in STACKS:
        asked = [each.token for each in plan_of(stack).asked]
        assert asked.count("aws:index/getAvailabilityZones:getAvailabilityZones") == 1
