"""How tools reach a cluster, without a secret and without the AWS CLI."""

import json
from typing import Final

TOKEN_COMMAND: Final = "mlplatform-eks-token"
"""Console script of this distribution, found on PATH; credentials come from the environment."""


def kubeconfig(arn: str, endpoint: str, certificate_authority: str) -> str:
    """A kubeconfig for an EKS cluster as JSON with sorted keys.

    It holds nothing of one machine or person, so it is the same wherever it is made.

    Args:
        arn: the cluster's ARN, which tells its region and its name; the name is also the context's and the user's.
        endpoint: the API server's URL.
        certificate_authority: the cluster's CA certificate, base64.
    """
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelastickubernetesservice.html
    _, _, _, region, _, resource = arn.split(":")
    cluster_name = resource.removeprefix("cluster/")
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
                            "args": ["--cluster", cluster_name, "--region", region],
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
