"""The kubeconfig of a cluster, without a secret and without the AWS CLI."""

import json
from typing import Any, Final

import pulumi

TOKEN_COMMAND: Final = "mlplatform-eks-token"
"""Console script of this distribution, which must be on PATH. Credentials come from the environment."""


def kubeconfig(arn: str, endpoint: str, certificate_authority: str) -> str:
    """A kubeconfig for an EKS cluster as JSON with sorted keys.

    It contains nothing specific to one machine or person, so it is the same everywhere.

    Args:
        arn: the cluster's ARN, which contains its region and name. The context and the user have the same name.
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


def with_credentials_of(config: pulumi.Config, kubeconfig: pulumi.Input[str]) -> pulumi.Output[str]:
    """The kubeconfig, changed to sign in with the credentials of the AWS provider.

    The provider uses `aws:profile` and `aws:assumeRoles` of the stack's configuration. Otherwise the command that signs
    in to the cluster would use the credentials of the environment, which may have no access entry in EKS.

    Args:
        config: the namespace `aws` of the stack's configuration.
        kubeconfig: as `kubeconfig` returns it.

    Raises:
        pulumi.RunError: `aws:assumeRoles` has several roles, or settings other than `roleArn` and `sessionName`.
    """
    profile, role_arn = config.get("profile"), _assumed_role(config)

    def signed_in(known: str) -> str:
        document = json.loads(known)
        for user in document["users"]:
            command = user["user"]["exec"]
            if role_arn:
                command["args"] += ["--role-arn", role_arn]
            if profile:
                command["env"] = [{"name": "AWS_PROFILE", "value": profile}]
        return json.dumps(document, sort_keys=True)

    return pulumi.Output.from_input(kubeconfig).apply(signed_in)


def _assumed_role(config: pulumi.Config) -> str | None:
    roles: list[dict[str, Any]] = config.get_object("assumeRoles") or []
    if not roles:
        return None
    beyond = sorted({name for role in roles for name in role} - {"roleArn", "sessionName"})
    if len(roles) > 1 or beyond:
        raise pulumi.RunError(
            f"aws:assumeRoles has {len(roles)} roles{' with ' + ', '.join(beyond) if beyond else ''}; allowed: one "
            "role with roleArn, since the platform signs in to the cluster as that role too.\n"
            "Assume the other roles in the environment (a profile with source_profile and role_arn)."
        )
    return str(roles[0]["roleArn"])
