"""Pull through cache rules, which map repository prefixes to registries. The sandbox never pulls images."""

from typing import Final

from moto.ecr.exceptions import InvalidParameterException
from moto.secretsmanager.models import secretsmanager_backends

from mlsandbox.endpoint.extensions.ecr.errors import SecretNotFound, UnsupportedUpstream
from mlsandbox.endpoint.store import Call, Record, Stored

UPSTREAMS: Final = {
    "public.ecr.aws": "ecr-public",
    "registry.k8s.io": "k8s",
    "quay.io": "quay",
    "registry-1.docker.io": "docker-hub",
    "ghcr.io": "github-container-registry",
    "registry.gitlab.com": "gitlab-container-registry",
}
"""ECR's names of upstream registries, by host name, except for registries with a host name per customer:
https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html"""

NEEDS_CREDENTIALS: Final = {"docker-hub", "github-container-registry", "gitlab-container-registry"}


def _upstream(call: Call, rule: Record) -> Record:
    url = rule["upstreamRegistryUrl"]
    upstream = UPSTREAMS.get(url)
    if upstream is None or rule.get("upstreamRegistry", upstream) != upstream:
        raise UnsupportedUpstream(f"The specified upstream registry '{url}' is not supported")
    return {**rule, "upstreamRegistry": upstream}


def _credentials(call: Call, rule: Record) -> None:
    arn, upstream = rule.get("credentialArn"), rule["upstreamRegistry"]
    if upstream not in NEEDS_CREDENTIALS:
        return
    if arn is None:
        raise InvalidParameterException(
            "Invalid parameter at 'credentialArn' failed to satisfy constraint: 'must not be null for the upstream "
            f"registry {upstream}'"
        )
    secrets = secretsmanager_backends[call.account][call.region].secrets
    if arn not in {secret.arn for secret in secrets.values()}:
        raise SecretNotFound(f"The ARN of the secret specified in the pull through cache rule was not found: '{arn}'")


RULE: Final = Stored(
    service="ecr",
    noun="PullThroughCacheRule",
    key="ecrRepositoryPrefix",
    called="A pull through cache rule with the repository prefix",
    within="in the registry with id",
    exists="PullThroughCacheRuleAlreadyExistsException",
    missing="PullThroughCacheRuleNotFoundException",
    fill=_upstream,
    check=_credentials,
)
