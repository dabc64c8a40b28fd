"""Pods, quotas, nodes and served models in kinds of the controllers that ML platforms use."""

from collections.abc import Sequence
from typing import Any

from mlpctl.review.kubernetes import pods
from mlpctl.review.kubernetes.requirements import narrowed
from unit.review.kinds import check, spec

QUEUE, POOL = "kubernetes:kueue.x-k8s.io/v1beta1:ClusterQueue", "kubernetes:karpenter.sh/v1:NodePool"
NODES, DEPLOYMENT = "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass", "kubernetes:apps/v1:Deployment"
RAY, LLM = "kubernetes:ray.io/v1:RayService", "kubernetes:serving.kserve.io/v1alpha2:LLMInferenceService"


def queue(amount: Any, cohort: str | None = None, **limits: Any) -> dict[str, Any]:
    resources = [{"name": "nvidia.com/gpu", "nominalQuota": amount, **limits}]
    return spec(resourceGroups=[{"flavors": [{"name": "f", "resources": resources}]}], cohort=cohort)


def test_only_less_quota_drops_capacity() -> None:
    less, shared = "its jobs have less quota", "less quota is shared"
    check(
        [
            (QUEUE, queue(64), queue(128), ""),
            (QUEUE, queue("64"), queue("64000m"), ""),
            (QUEUE, queue(64), queue(32), less),
            (QUEUE, queue(64), spec(resourceGroups=[]), less),
            (QUEUE, queue(64, "a"), queue(64, "a", borrowingLimit=8), shared),
            (QUEUE, queue(64, "a", lendingLimit=8), queue(64, "a", lendingLimit=4), shared),
            (QUEUE, queue(64, "a", borrowingLimit=8), queue(64, "a"), ""),
            (QUEUE, queue(64, "a"), queue(64), "can no longer use the quota"),
            (QUEUE, queue(64, "a"), queue(64, "b"), ""),
            ("kubernetes:kueue.x-k8s.io/v1beta2:Cohort", queue(64), queue(32), "its queues have less quota"),
        ]
    )


def needs(*requirements: tuple[str, str, Sequence[str]]) -> list[dict[str, Any]]:
    return [{"key": key, "operator": operator, "values": [*values]} for key, operator, values in requirements]


def test_requirements_are_narrower_if_a_node_may_not_match_them() -> None:
    both, one, none = needs(("t", "In", "ab")), needs(("t", "In", "a")), needs()
    exists, absent = needs(("t", "Exists", "")), needs(("t", "DoesNotExist", ""))
    not_a, not_ab = needs(("t", "NotIn", "a")), needs(("t", "NotIn", "ab"))
    from_four, above_three = needs(("t", "Gte", "4")), needs(("t", "Gt", "3"))
    between, seven = needs(("t", "Gt", "3"), ("t", "Lt", "9")), needs(("t", "In", ["7"]))
    wider = [
        *((one, both), (both, none), (both, exists), (one, needs(("t", "NotIn", "b"))), (not_ab, not_a)),
        *((from_four, above_three), (above_three, from_four), (seven, between), (between, above_three)),
        *((absent, not_a), (absent, absent), (exists, exists), (between, needs(("t", "NotIn", "1")))),
        *((needs(("t", "In", "ab"), ("t", "NotIn", "b")), one), (above_three, exists)),
    ]
    narrower = [
        *((both, one), (none, one), (exists, one), (one, absent), (absent, exists), (not_a, not_ab), (not_a, exists)),
        *((above_three, between), (between, needs(("t", "Gt", "5"))), (both, between), (none, not_a)),
        *((above_three, needs(("t", "NotIn", "4"))), (one, needs(("u", "In", "a")))),
    ]
    assert [pair for pair in wider if narrowed(*pair)] == []
    assert [pair for pair in narrower if not narrowed(*pair)] == []


def test_only_a_drift_replaces_nodes() -> None:
    def pool(*types: str, **more: Any) -> dict[str, Any]:
        return spec(template={"spec": {"requirements": needs(("instance-type", "In", types)), **more}})

    small, large, gone = "g5.xlarge", "g6.xlarge", "existing nodes are replaced"
    one, two = [{"id": "a"}], [{"id": "a"}, {"id": "b"}]
    check(
        [
            (POOL, pool(small), pool(small, large), ""),
            (POOL, pool(small, large), pool(large), "nodes that no longer match are replaced"),
            (POOL, pool(small), pool(small, taints=[{"key": "a", "effect": "NoSchedule"}]), gone),
            (NODES, spec(subnetSelectorTerms=one), spec(subnetSelectorTerms=two), ""),
            (NODES, spec(subnetSelectorTerms=two), spec(subnetSelectorTerms=one), "no longer has nodes"),
            (NODES, spec(securityGroupSelectorTerms=one), spec(securityGroupSelectorTerms=two), gone),
            (NODES, spec(), spec(ipPrefixCount=1), ""),
            (NODES, spec(userData="a"), spec(userData="b"), gone),
        ]
    )


PLACES: dict[str, Any] = {
    "kubernetes:core/v1:PodTemplate": lambda pod: {"template": {"spec": pod}},
    "kubernetes:ray.io/v1:RayCluster": lambda pod: spec(
        headGroupSpec={}, workerGroupSpecs=[{"groupName": "g", "template": {"spec": pod}}]
    ),
    "kubernetes:serving.kserve.io/v1beta1:InferenceService": lambda pod: spec(predictor={"model": {}, **pod}),
    LLM: lambda pod: spec(prefill={"template": pod}),
    "kubernetes:kubeflow.org/v1:PyTorchJob": lambda pod: spec(
        pytorchReplicaSpecs={"Master": {"template": {"spec": pod}}}
    ),
    "kubernetes:jobset.x-k8s.io/v1alpha2:JobSet": lambda pod: spec(
        replicatedJobs=[{"name": "a", "template": {"spec": {"template": {"spec": pod}}}}]
    ),
    "kubernetes:kaito.sh/v1beta1:Workspace": lambda pod: {"inference": {"template": {"spec": pod}}},
    "kubernetes:acme.com/v1:Whatever": lambda pod: spec(**{"a.b/c": {"pods": [pod]}}),
}


def pod(*, name: str = "m", of_pod: Any = None, **security: Any) -> dict[str, Any]:
    return {
        "containers": [{"name": name, "securityContext": security}],
        **({"securityContext": of_pod} if of_pod else {}),
    }


def test_pods_in_an_object_of_any_kind_are_checked() -> None:
    root = [{"name": "r", "hostPath": {"path": "/"}}]
    for type, place in PLACES.items():
        for more, says in [
            (pod(privileged=True), "its pods get the node's privileges"),
            (pod(capabilities={"add": ["SYS_ADMIN"]}), "its pods get privileges on the node"),
            ({**pod(), "hostPID": True}, "can control the node's processes"),
            ({**pod(), "volumes": root}, "can access the node's files"),
        ]:
            check([(type, place(pod()), place(more), says), (type, None, place(more), says)])
        check(
            [
                (type, place(pod(privileged=True)), place(pod(privileged=True)), ""),
                (type, place(pod(runAsNonRoot=True)), place(pod()), "may run as root"),
                (
                    type,
                    place({**pod(), "serviceAccountName": "a"}),
                    place({**pod(), "serviceAccountName": "b"}),
                    "ident",
                ),
            ]
        )
    container = {"templates": [{"name": "t", "script": {"securityContext": {"privileged": True}}}]}
    check(
        [
            ("kubernetes:argoproj.io/v1alpha1:WorkflowTemplate", spec(), spec(**container), "the node's privileges"),
            ("kubernetes:kyverno.io/v1:ClusterCleanupPolicy", spec(), spec(hostNetwork=True), ""),
            ("kubernetes:helm.sh/v3:Release", {}, {"values": {"hostNetwork": True}}, ""),
        ]
    )


def test_every_weaker_setting_of_pods_is_reported() -> None:
    def deployed(pod: Any) -> dict[str, Any]:
        return spec(replicas=3, template={"spec": pod})

    strict = {"seccompProfile": {"type": "RuntimeDefault"}, "runAsNonRoot": True}
    loose = {"seccompProfile": {"type": "Unconfined"}}
    port = {"containerPort": 80, "hostPort": 80}
    check(
        [
            (DEPLOYMENT, deployed(old), deployed(new), says)
            for old, new, says in [
                (pod(of_pod=strict), pod(of_pod={**strict, **loose}), "system calls are not restricted"),
                (pod(**strict), pod(runAsNonRoot=True), "system calls may no longer be restricted"),
                (pod(**strict), pod(of_pod=strict), ""),
                (pod(of_pod=strict), pod(**strict), ""),
                (pod(runAsUser=1000), pod(runAsUser=0), "may run as root"),
                (pod(runAsUser=1000), pod(runAsNonRoot=True), ""),
                (pod(runAsNonRoot=True), pod(runAsUser=1000), ""),
                (pod(allowPrivilegeEscalation=False), pod(), "processes can get more privileges"),
                (pod(capabilities={"drop": ["ALL"]}), pod(capabilities={"drop": ["KILL"]}), "that they had dropped"),
                (pod(**strict), pod(name="other"), ""),
                (pod(), pod(appArmorProfile={"type": "Unconfined"}), "AppArmor does not restrict"),
                (pod(), pod(procMount="Unmasked"), "see more of the node's kernel"),
                (pod(), pod(of_pod={"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}), "settings of the kernel"),
                (pod(), pod(of_pod={"sysctls": [{"name": "net.ipv4.tcp_syncookies", "value": "1"}]}), ""),
                (pod(), {"containers": [{"name": "m", "ports": [port]}]}, "listen on ports of the node"),
                ({"automountServiceAccountToken": False, **pod()}, pod(), "get an API token"),
                ({"serviceAccount": "a", **pod()}, {"serviceAccount": "b", **pod()}, "identity changes"),
            ]
        ]
    )
    account = "kubernetes:core/v1:ServiceAccount"
    check([(account, {"automountServiceAccountToken": False}, {}, "get an API token")])
    assert all(each.harm.value == "identity" for each in pods.settings())


def workers(*numbers: int) -> dict[str, Any]:
    groups = [{"groupName": f"g{number}", "replicas": each} for number, each in enumerate(numbers)]
    return spec(rayClusterConfig={"workerGroupSpecs": groups})


def test_models_that_are_no_longer_served_are_reported() -> None:
    zero, four, fail, dynamo = spec(replicas=0), spec(replicas=4), "requests to it fail", "kubernetes:nvidia.com/"
    served = {
        "kubernetes:argoproj.io/v1alpha1:Rollout": "its pods are terminated",
        "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet": "its pods are terminated",
        "kubernetes:apps.nvidia.com/v1alpha1:NIMService": fail,
        "kubernetes:acme.com/v1:LlamaServer": "may be terminated",
        LLM: fail,
    }
    check([(type, four, None, says) for type, says in served.items()])
    check([(type, four, zero, "scaled to zero" if "acme" in type else "no pod is left") for type in served])
    check(
        [
            ("kubernetes:acme.com/v1:Anything", four, zero, "scaled to zero"),
            (LLM, spec(prefill={"replicas": 2}), spec(prefill={"replicas": 0}), "no pod for prefill is left"),
            (RAY, workers(8, 8), workers(8, 0), "a group of workers has no pod left"),
            (RAY, workers(8, 8), workers(8), "the pods of a group of workers are terminated"),
            (RAY, workers(8), workers(8, 0), ""),
            (RAY, workers(8), None, fail),
            (f"{dynamo}v1alpha1:DynamoGraphDeployment", spec(), None, fail),
            (
                f"{dynamo}v1alpha1:DynamoGraphDeployment",
                spec(services={"decode": {"replicas": 2}, "prefill": {"replicas": 2}}),
                spec(services={"decode": {"replicas": 0}, "prefill": {"replicas": 2}}),
                "no pod of a service is left",
            ),
            (
                f"{dynamo}v1beta1:DynamoGraphDeployment",
                spec(components=[{"name": "decode", "replicas": 1}]),
                spec(components=[{"name": "decode", "replicas": 0}]),
                "no pod of a component is left",
            ),
            ("kubernetes:kaito.sh/v1beta1:Workspace", {"resource": {"count": 1}}, None, fail),
            ("kubernetes:inference.networking.k8s.io/v1:InferencePool", spec(), None, "requests that it routes fail"),
            ("kubernetes:inference.networking.x-k8s.io/v1alpha2:InferencePool", spec(), None, "that it routes fail"),
            ("kubernetes:dbforpostgresql.azure.com/v1:FlexibleServer", spec(), None, "the cloud resource"),
        ]
    )
