"""The configuration of one `aws` provider instance."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pulumi_aws

from awsfacts import zones
from mlsandbox.providers.aws.schema import ListOf, MapOf, Object, Property, Scalar, check, object_schema
from mlsandbox.providers.protocol import Failure, Properties

REGION: Final = re.compile(zones.REGION)

# Settings that would change the provider's identity to another one than the sandbox's user.
_IDENTITIES: Final = ("assumeRoles", "assumeRoleWithWebIdentity")


@dataclass(frozen=True)
class Settings:
    """The configuration of a provider instance."""

    region: str
    default_tags: Mapping[str, str] = field(default_factory=dict)
    ignored_tags: frozenset[str] = frozenset()
    ignored_prefixes: tuple[str, ...] = ()
    allowed_accounts: frozenset[str] = frozenset()
    forbidden_accounts: frozenset[str] = frozenset()

    @classmethod
    def of(cls, config: Properties) -> "Settings":
        """The settings in `config`, which passed `failures`."""
        plain = decoded(config)
        ignored = plain.get("ignoreTags") or {}
        return cls(
            region=plain["region"],
            default_tags=(plain.get("defaultTags") or {}).get("tags") or {},
            ignored_tags=frozenset(ignored.get("keys") or ()),
            ignored_prefixes=tuple(ignored.get("keyPrefixes") or ()),
            allowed_accounts=frozenset(plain.get("allowedAccountIds") or ()),
            forbidden_accounts=frozenset(plain.get("forbiddenAccountIds") or ()),
        )

    def all_tags(self, tags: Mapping[str, str]) -> dict[str, str]:
        """The tags of a resource: `tags`, which take precedence, and the default tags, without ignored ones."""
        return self.without_ignored_tags({**self.default_tags, **tags})

    def without_ignored_tags(self, tags: Mapping[str, str]) -> dict[str, str]:
        """`tags` without those that the provider instance ignores."""
        return {
            key: value
            for key, value in tags.items()
            if key not in self.ignored_tags and not key.startswith(self.ignored_prefixes or ("\0",))
        }


def decoded(config: Properties) -> Properties:
    """The configuration with the SDK's types. The engine sends all values as strings, structured ones as JSON."""
    schema = _schema().properties
    return {name: _decoded(value, schema.get(name)) for name, value in config.items() if value not in (None, "")}


def _decoded(value: Any, declared: Property | None) -> Any:
    if not isinstance(value, str) or declared is None:
        return value
    if isinstance(declared.type, Object | ListOf | MapOf) or (
        isinstance(declared.type, Scalar) and declared.type.kind is not str
    ):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def failures(config: Properties) -> Sequence[Failure]:
    """All problems of a provider configuration."""
    plain = decoded(config)
    return [*check(plain, _schema()), *_wrong_values(plain)]


def _wrong_values(config: Properties) -> Iterator[Failure]:
    region = config.get("region")
    if region is None:
        yield Failure("region", "is required: set it with `pulumi config set aws:region <region>`")
    elif isinstance(region, str) and not REGION.fullmatch(region):
        yield Failure("region", f"must be the name of a region, such as us-east-1; it is {region!r}")
    for name in _IDENTITIES:
        if config.get(name):
            yield Failure(name, "is not supported in the sandbox, which has one identity: remove it from this stack")
    if config.get("allowedAccountIds") and config.get("forbiddenAccountIds"):
        yield Failure("forbiddenAccountIds", "cannot be set together with allowedAccountIds")


def account_failure(settings: Settings, account: str) -> str | None:
    """Why the account is not allowed; None if it is."""
    if settings.forbidden_accounts and account in settings.forbidden_accounts:
        return f"The AWS account {account} is one of aws:forbiddenAccountIds"
    if settings.allowed_accounts and account not in settings.allowed_accounts:
        allowed = ", ".join(sorted(settings.allowed_accounts))
        return f"The AWS account {account} is not one of aws:allowedAccountIds ({allowed})"
    return None


def _schema() -> Object:
    own = object_schema(pulumi_aws.ProviderArgs).properties
    # The engine adds the package's version to the program's settings.
    return Object({**own, "version": Property(Scalar(str)), "pluginDownloadURL": Property(Scalar(str))})
