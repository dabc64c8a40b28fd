"""Findings point at the field of the stack file that decides a rule, if there is one."""

import re
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from mlpctl.keys import PLATFORM
from mlpctl.policies import fields, local, ruling
from mlpctl.policies.evaluate import Evaluation, Outcome, Result
from mlpctl.policies.rule import ONLY_ADVICE, Field, Level, Rule, Severity, stack_rule
from mlpctl.policies.rules import rules
from mlpctl.policies.stack import StackRules
from mlpctl.review.report.rules import RuleFinding
from mlpctl.settings.policies import PolicySettings
from rule_cases import CASES

RULES: Final = {each.id: each for each in rules()}
TODAY: Final = date(2026, 11, 29)
STACK: Final = "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev"

FILE: Final = """\
config:
  aws:region: us-east-1
  mlplatform:platform:
    profile: dev
    owner: ml-platform
    protect: true
    network:
      zones: [us-east-1a, us-east-1b]
      nat: none
    images:
      repositories:
        app: {}
        app-base:
          scanOnPush: false
    cluster:
      access:
        ops: {role: ops, level: clusterAdmin}
      logDays: 30
    gpuPools:
      training:
        instanceTypes: [p5.48xlarge]
        maxNodes: 1
    inference:
      chat:
        minReplicas: 4
    teams:
      vision:
        namespaces:
          lab: {podSecurity: baseline}
"""


def finding(
    folder: Path, monkeypatch: pytest.MonkeyPatch, rule: str, component: str, resource: str, text: str
) -> RuleFinding:
    """The finding of a violation by a resource of a component, both as `CLASS name`."""
    (folder / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (folder / "Pulumi.dev.yaml").write_text(FILE)
    platform = yaml.safe_load(FILE)["config"][PLATFORM]
    stack = StackRules("dev", PolicySettings(), platform)
    above, urn = (f"urn:pulumi:dev::shop::{'::'.join(each.split())}" for each in (component, resource))
    result = Result(RULES[rule], Level.ADVISORY, Outcome.FAIL, urn, text=text)
    parents = {urn: above, above: STACK}
    monkeypatch.chdir(folder)
    (found,) = ruling.report(Evaluation((result,)), stack, TODAY, parents, local.of_plan("shop", "dev")).findings
    return found


POOL: Final = "mlplatform:index:GpuNodePool training"
NODES: Final = "aws:eks/nodeGroup:NodeGroup training-nodes"
CLUSTER: Final = "mlplatform:index:EksCluster cluster"
IMAGES: Final = "mlplatform:index:ImageRegistry images"
MODEL: Final = "mlplatform:index:InferenceService chat"
LOGS: Final = "aws:cloudwatch/logGroup:LogGroup cluster-logs"


@pytest.mark.parametrize(
    ("rule", "component", "resource", "text", "field", "line"),
    [
        pytest.param(
            *("ML-LOG-01", CLUSTER, LOGS, "keeps events for less than 365 days in prod"),
            *("cluster.logDays", "logDays: 30"),
            id="a field that the file sets",
        ),
        pytest.param(
            *("ML-LOG-01", CLUSTER, LOGS, "is not encrypted with a key of your own: kmsKeyId is not set"),
            *("cluster", "cluster:"),
            id="a violation that no field decides",
        ),
        pytest.param(
            *("ML-EKS-04", CLUSTER, "aws:eks/cluster:Cluster cluster-control-plane", "does not write the logs api"),
            *("cluster.logTypes", "cluster:"),
            id="a field that the file does not set",
        ),
        pytest.param(
            *("ML-COST-01", CLUSTER, "aws:eks/nodeGroup:NodeGroup cluster-system-nodes", "runs p5.48xlarge"),
            *("cluster.system.instanceTypes", "cluster:"),
            id="a section that the file does not have",
        ),
        pytest.param(
            *("ML-COST-01", POOL, NODES, "runs p5.48xlarge"),
            *("gpuPools.training.instanceTypes", "instanceTypes: [p5.48xlarge]"),
            id="a field of an entry",
        ),
        pytest.param(
            *("ML-EC2-05", POOL, NODES, "uses only the zone us-east-1a"),
            *("gpuPools.training.zones", "training:"),
            id="the field of one of two violations",
        ),
        pytest.param(
            *("ML-OPS-03", MODEL, "kubernetes:apps/v1:Deployment chat-deployment", "has no room: 4 pods of 1 GPU"),
            *("inference.chat.minReplicas", "minReplicas: 4"),
            id="the first field that the file sets",
        ),
        pytest.param(
            *("ML-ECR-01", IMAGES, "aws:ecr/repository:Repository images-app-base-repository", "is not scanned"),
            *("images.repositories.app-base.scanOnPush", "scanOnPush: false"),
            id="an entry below the component, whose name begins with that of another one",
        ),
        pytest.param(
            *("ML-EKS-06", CLUSTER, "aws:eks/accessPolicyAssociation:AccessPolicyAssociation cluster-ops-policy"),
            *("makes a person an administrator", "cluster.access.ops.level", "ops: {role"),
            id="an entry on one line",
        ),
        pytest.param(
            *(
                "ML-K8S-02",
                "mlplatform:index:TeamWorkspace vision",
                "kubernetes:core/v1:Namespace vision-lab-namespace",
            ),
            *("admits pods below the restricted standard", "teams.vision.namespaces.lab.podSecurity", "lab: {pod"),
            id="an entry of an entry",
        ),
        pytest.param(
            *("ML-ECR-01", IMAGES, "aws:ecr/repository:Repository images-others", "is not scanned"),
            *("images.account.scanning", "images:"),
            id="a resource of no entry",
        ),
        pytest.param(
            *("ML-NET-01", POOL, NODES, "has nodes that cannot reach sts"),
            *("network.nat", "nat: none"),
            id="a field of another component",
        ),
        pytest.param(
            *("ML-OPS-02", CLUSTER, LOGS, "holds data and can be deleted"),
            *("protect", "protect: true"),
            id="a field of the whole stack",
        ),
        pytest.param(
            *("ML-OPS-02", "aws:s3/bucket:Bucket other", "aws:s3/bucket:Bucket other", "holds data"),
            *("", "mlplatform:platform:"),
            id="a resource outside of components",
        ),
    ],
)
def test_a_finding_points_at_the_field_that_decides_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rule: str,
    component: str,
    resource: str,
    text: str,
    field: str,
    line: str,
) -> None:
    found = finding(tmp_path, monkeypatch, rule, component, resource, text)
    assert found.field == field
    assert found.line is not None and FILE.splitlines()[found.line - 1].strip().startswith(line)


@pytest.mark.parametrize("rule", [each for each in rules() if each.fields], ids=lambda each: each.id)
def test_the_fields_of_a_rule_exist_and_decide_violations(rule: Rule) -> None:
    assert fields.unknown(rule) == ""
    sentences = [text for case in CASES if case.rule == rule.id for text in case.expected.values()]
    for each in rule.fields:
        assert any(re.search(each.says, text) for text in sentences), each


def made(given: Any) -> Rule:
    def few(estate: Any) -> Any:
        """A stack has few resources."""
        return ()

    sentences = {"reason": "They cost.", "remedy": "Remove some."}
    return stack_rule("ACME-01", **sentences, severity=Severity.LOW, levels=ONLY_ADVICE, fields=given)(few)


@pytest.mark.parametrize(
    ("field", "fault"),
    [
        (Field("EksCluster", "logTypes"), ""),
        (Field("", "gpuPools.*.nodes"), ""),
        (Field("EksCluster", "logs"), "ACME-01: fields has cluster.logs, which no stack file can have; see docs/sta"),
        (Field("Cluster", "logTypes"), "ACME-01: fields has the component Cluster; allowed: ClusterGuardrails, Data"),
    ],
)
def test_a_field_that_no_stack_file_has_is_unknown(field: Field, fault: str) -> None:
    found = fields.unknown(made([field]))
    assert found.startswith(fault) and bool(found) == bool(fault)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("logTypes", "fields is 'logTypes'; allowed: a list of fields"),
        (["logTypes"], r"fields is \['logTypes'\]; allowed: a list of fields"),
        ([Field("EksCluster", "")], "fields has an empty path"),
        ([Field("EksCluster", "logTypes", says="(")], r"fields has the expression '\(', which is malformed"),
    ],
)
def test_malformed_fields_are_rejected(given: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"ACME-01: {message}"):
        made(given)
