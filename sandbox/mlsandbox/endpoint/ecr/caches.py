"""Pull-through caches: which prefix stands for which public registry. Nothing is ever pulled in the sandbox."""

from typing import Final

from moto.core.utils import utcnow
from moto.ecr.exceptions import InvalidParameterException
from moto.secretsmanager.models import secretsmanager_backends

from mlsandbox.endpoint.ecr.backend import Call, Operation, Shape
from mlsandbox.endpoint.ecr.errors import RuleExists, RuleNotFound, SecretNotFound, UnsupportedUpstream
from mlsandbox.endpoint.validation import page

UPSTREAMS: Final = {
    "public.ecr.aws": "ecr-public",
    "registry.k8s.io": "k8s",
    "quay.io": "quay",
    "registry-1.docker.io": "docker-hub",
    "ghcr.io": "github-container-registry",
    "registry.gitlab.com": "gitlab-container-registry",
}
"""ECR's names of the registries that it caches, by host, without those that every customer has under a name of his own:
https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html"""

_OPTIONAL: Final = ("credentialArn", "customRoleArn", "upstreamRepositoryPrefix")

NEEDS_CREDENTIALS: Final = {"docker-hub", "github-container-registry", "gitlab-container-registry"}


def create_pull_through_cache_rule(call: Call, request: Shape) -> Shape:
    """Cache a registry under a prefix."""
    prefix, url = request["ecrRepositoryPrefix"], request["upstreamRegistryUrl"]
    upstream = UPSTREAMS.get(url)
    if upstream is None or request.get("upstreamRegistry", upstream) != upstream:
        raise UnsupportedUpstream(f"The specified upstream registry '{url}' is not supported")
    if prefix in call.kept.caches:
        raise RuleExists(
            f"A pull through cache rule with the repository prefix '{prefix}' already exists in the registry with id "
            f"'{call.registry}'"
        )
    _check_credentials(call, request, upstream)
    rule: Shape = {
        "ecrRepositoryPrefix": prefix,
        "upstreamRegistryUrl": url,
        "upstreamRegistry": upstream,
        "registryId": call.registry,
        "createdAt": utcnow(),
        "updatedAt": utcnow(),
        **{member: request[member] for member in _OPTIONAL if member in request},
    }
    call.kept.caches[prefix] = rule
    return rule


def describe_pull_through_cache_rules(call: Call, request: Shape) -> Shape:
    """The registry's caches, all or those of some prefixes."""
    wanted = request.get("ecrRepositoryPrefixes") or [*call.kept.caches]
    rules, token = page([_find(call, prefix) for prefix in wanted], request)
    return {"pullThroughCacheRules": rules, "nextToken": token}


def update_pull_through_cache_rule(call: Call, request: Shape) -> Shape:
    """Sign in with another secret, or as another role."""
    rule = _find(call, request["ecrRepositoryPrefix"])
    _check_credentials(call, request, rule["upstreamRegistry"])
    rule.update({member: request[member] for member in ("credentialArn", "customRoleArn") if member in request})
    rule["updatedAt"] = utcnow()
    return rule


def delete_pull_through_cache_rule(call: Call, request: Shape) -> Shape:
    """Stop caching; what is cached stays."""
    rule = _find(call, request["ecrRepositoryPrefix"])
    del call.kept.caches[rule["ecrRepositoryPrefix"]]
    return rule


OPERATIONS: Final[dict[str, Operation]] = {
    "CreatePullThroughCacheRule": create_pull_through_cache_rule,
    "DescribePullThroughCacheRules": describe_pull_through_cache_rules,
    "UpdatePullThroughCacheRule": update_pull_through_cache_rule,
    "DeletePullThroughCacheRule": delete_pull_through_cache_rule,
}


def _find(call: Call, prefix: str) -> Shape:
    if prefix not in call.kept.caches:
        raise RuleNotFound(
            f"Pull through cache rule with the repository prefix '{prefix}' not found in the registry with id "
            f"'{call.registry}'"
        )
    return call.kept.caches[prefix]


def _check_credentials(call: Call, request: Shape, upstream: str) -> None:
    arn = request.get("credentialArn")
    if upstream not in NEEDS_CREDENTIALS:
        return
    if arn is None:
        raise InvalidParameterException(
            "Invalid parameter at 'credentialArn' failed to satisfy constraint: 'must not be null for the upstream "
            f"registry {upstream}'"
        )
    secrets = secretsmanager_backends[call.backend.account_id][call.backend.region_name].secrets
    if arn not in {secret.arn for secret in secrets.values()}:
        raise SecretNotFound(f"The ARN of the secret specified in the pull through cache rule was not found: '{arn}'")
