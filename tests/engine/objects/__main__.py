"""Objects of the kinds that the platform creates, and some other kinds."""

import pulumi
import pulumi_kubernetes as k8s

LABELS = {"app.kubernetes.io/name": "chat"}

namespace = k8s.core.v1.Namespace(
    "chat-namespace",
    metadata={"name": "chat", "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
)
inside = {"namespace": namespace.metadata.name}
account = k8s.core.v1.ServiceAccount("chat-account", metadata={**inside, "name": "chat"})
settings = k8s.core.v1.ConfigMap("chat-settings", metadata=inside, data={"model": "chat-8b"})
k8s.apps.v1.Deployment(
    "chat-deployment",
    metadata={**inside, "name": "chat", "labels": LABELS},
    spec={
        "replicas": 2,
        "selector": {"match_labels": LABELS},
        "template": {
            "metadata": {"labels": LABELS},
            "spec": {
                "service_account_name": account.metadata.name,
                "containers": [
                    {
                        "name": "server",
                        "image": "registry.example/vllm:1",
                        "args": ["--max-model-len=8192"],
                        "ports": [{"name": "http", "container_port": 8000}],
                        "env": [{"name": "MODEL", "value": "chat-8b"}],
                        "resources": {"requests": {"cpu": "1000m", "memory": "1Gi"}, "limits": {"memory": "1024Mi"}},
                        "readiness_probe": {"http_get": {"path": "/health", "port": "http"}, "period_seconds": 5},
                        "security_context": {
                            "allow_privilege_escalation": False,
                            "capabilities": {"drop": ["ALL"]},
                            "run_as_non_root": True,
                            "seccomp_profile": {"type": "RuntimeDefault"},
                        },
                    }
                ],
            },
        },
    },
)
k8s.core.v1.Service(
    "chat-service",
    metadata={**inside, "name": "chat"},
    spec={"selector": LABELS, "ports": [{"name": "http", "port": 80, "target_port": "http"}]},
)
k8s.policy.v1.PodDisruptionBudget(
    "chat-disruption-budget",
    metadata={**inside, "name": "chat"},
    spec={"selector": {"match_labels": LABELS}, "max_unavailable": 1},
)
k8s.networking.v1.NetworkPolicy(
    "chat-ingress",
    metadata={**inside, "name": "chat"},
    spec={
        "pod_selector": {"match_labels": LABELS},
        "policy_types": ["Ingress"],
        "ingress": [{"ports": [{"port": 8000, "protocol": "TCP"}]}],
    },
)
pulumi.export("settings", settings.metadata.name)
