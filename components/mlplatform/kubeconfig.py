"""How tools reach a cluster, without a secret and without the AWS CLI."""

import json
from typing import Final

TOKEN_COMMAND: Final = "mlplatform-eks-token"
"""Console script of this distribution, found on PATH; region and credentials come from the environment."""


def kubeconfig(cluster_name: str, endpoint: str, certificate_authority: str) -> str:
    """A kubeconfig for an EKS cluster as JSON with sorted keys.

    It holds nothing of one machine or person, so it is the same wherever it is made.

    Args:
        cluster_name: the cluster's name; also the names of the context and user.
        endpoint: the API server's URL.
        certificate_authority: the cluster's CA certificate, base64.
    """
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": cluster_name,
                    "cluster": {"server": endpoint, "certificate-authority-data": certificate_authority},
                }
            ],
            "users": [
                {
                    "name": cluster_name,
                    "user": {
                        "exec": {
                            "apiVersion": "client.authentication.k8s.io/v1",
                            "command": TOKEN_COMMAND,
                            "args": ["--cluster", cluster_name],
                            "interactiveMode": "Never",
                        }
                    },
                }
            ],
            "contexts": [{"name": cluster_name, "context": {"cluster": cluster_name, "user": cluster_name}}],
            "current-context": cluster_name,
        },
        sort_keys=True,
    )
