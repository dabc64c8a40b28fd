"""Rules for the operation of a stack: tags, regions, and protection of data."""

import keyword
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import pulumi_aws as aws

from awsfacts import types
from awsfacts.records import Holding
from awsfacts.zones import id_prefix
from mlpctl.policies.checks import every
from mlpctl.policies.estate import Estate, NotApplicable, NotEvaluated, Resource, Setting, token
from mlpctl.policies.rule import FROM_STAGING, Field, Level, Levels, Severity, stack_rule
from mlpctl.policies.siblings import Sibling
from mlpctl.review.compare.equality import word
from mlpctl.review.compare.paths import value_at
from mlpctl.review.reading.retention import kept_data
from mlpctl.review.types.kinds import kind
from mlpctl.review.values.plain import Secret, Unknown, items, walk
from mlplatform.component import NAME_TAG, STACK_TAG

if TYPE_CHECKING:
    from mlpctl.config import Platform

_REQUIRED: Final = ("owner", "environment")
"""Tags of all resources; unlike others, they may not be empty."""

_OF_PLATFORM: Final = ("Name", STACK_TAG, NAME_TAG)
"""Tags of all resources of the platform; `mlpctl recover` finds resources by them."""

_GROUP: Final = token(aws.autoscaling.Group)
"""It has a list of tags, unlike all other types."""

_REGION: Final = re.compile(r"[a-z]{2,}(-[a-z]+)+-[0-9]+")
"""The region at the beginning of the name of a zone, also of a local zone such as `us-west-2-lax-1a`."""

_ZONE_ID: Final = re.compile(r"(?P<region>[a-z]{2,}[0-9])-")
_ZONES: Final = ("availabilityZone", "availabilityZones", "availabilityZoneId", "availabilityZoneIds")

_COPIES: Final[Mapping[str, str]] = {
    token(aws.dynamodb.Table): "replicas[].regionName",
    token(aws.dynamodb.GlobalTable): "replicas[].regionName",
    token(aws.ecr.ReplicationConfiguration): "replicationConfiguration.rules[].destinations[].region",
    token(aws.efs.ReplicationConfiguration): "destination.region",
    token(aws.redshift.SnapshotCopy): "destinationRegion",
    token(aws.secretsmanager.Secret): "replicas[].region",
}
"""Where types name the regions that their data is copied to."""

_PROD_ALONE: Final = Levels(Level.OFF, Level.OFF, Level.MANDATORY)
"""For what only production needs: other stacks can be made again, and are deleted and changed often."""

_PROTECTIONS: Final = (
    *("deletionProtection", "deletionProtectionEnabled", "deleteProtection", "terminationProtection"),
    *("terminationProtectionEnabled", "disableApiTermination", "skipDestroy"),
)
"""Inputs with which AWS or the provider refuses to delete a resource, or leaves it in place."""

_ON: Final = ("true", "ACTIVE", "ENABLED")

_ON_BY_DEFAULT: Final[Mapping[str, str]] = {
    token(aws.cloudtrail.EventDataStore): "terminationProtectionEnabled",
    token(aws.qldb.Ledger): "deletionProtection",
}

_EMPTIES: Final[Mapping[str, str]] = {
    token(aws.backup.Vault): "forceDestroy",
    token(aws.ecr.Repository): "forceDelete",
    token(aws.s3.Bucket): "forceDestroy",
    token(aws.s3.DirectoryBucket): "forceDestroy",
    token(aws.s3tables.TableBucket): "forceDestroy",
}
"""Inputs without which AWS refuses to delete a resource that is not empty."""


@stack_rule(
    "ML-TAG-01",
    reason="Without these tags, nobody knows who answers for a resource, and its cost has no owner.",
    remedy="Add the tags, e.g. by the provider's defaultTags; components of the platform set them.",
    severity=Severity.LOW,
    levels=FROM_STAGING,
    serves=["iso:A.5.13"],
)
def resources_are_tagged(estate: Estate) -> Iterator[tuple[Resource, str]]:
    """Resources that support tags have the required ones."""
    keys = [*_REQUIRED, *(_OF_PLATFORM if estate.settings else ()), *(estate.settings.get("tags") or ())]
    yield from _each(_of_aws(estate), lambda resource: _untagged(resource, keys))


@stack_rule(
    "ML-OPS-01",
    reason="Data in another region is under other laws, and nobody looks for resources and their cost there.",
    remedy="Remove the input region or zone, or add the region to policies.allowedRegions.",
    severity=Severity.HIGH,
    levels=FROM_STAGING,
    fields=[Field("ImageRegistry", "account.replicateTo", says="copies data to")],
)
def resources_are_in_allowed_regions(estate: Estate) -> Iterator[tuple[Resource, str]]:
    """Resources, and copies of their data, are in the stack's region or in the regions that it allows."""
    named = [str(each) for each in (estate.settings.get("policies") or {}).get("allowedRegions") or ()]
    allowed = {_prefix(each): each for each in named or _own_regions(estate.settings)}
    if allowed:
        yield from _each(_of_aws(estate), lambda resource: _elsewhere(resource, allowed, copies=bool(named)))


@stack_rule(
    "ML-OPS-02",
    reason="One wrong line in the program, or one `pulumi destroy`, would delete the data.",
    remedy="Set protect or retainOnDelete, or the type's own deletion protection; in the platform, protect and retain.",
    severity=Severity.HIGH,
    levels=_PROD_ALONE,
    serves=["nist:CM-3(a)", "soc2:C1.1"],
    fields=[
        Field("DataBucket", "retain"),
        Field("ImageRegistry", "repositories.*.retain"),
        Field("KeyRing", "retain"),
        Field("SharedFilesystem", "retain"),
        Field("", "protect"),
    ],
)
def data_is_protected_from_deletion(estate: Estate) -> Iterator[tuple[Resource, str]]:
    """A resource with data cannot be deleted by mistake."""
    yield from _each(_of_aws(estate), _unprotected)


@stack_rule(
    "ML-OPS-04",
    reason="What was tried out in staging then runs in production with fewer safeguards than it was tried with.",
    remedy="Set the field as in staging or stricter, or weaken staging too; mlpctl config compare lists them.",
    severity=Severity.HIGH,
    levels=_PROD_ALONE,
    serves=["nist:CM-6"],
)
def prod_protects_as_much_as_staging(estate: Estate) -> Iterator[tuple[Setting, str]]:
    """A production stack has every safeguard of the project's staging stacks, and allows nobody more than they do.

    Waivers and approvals are not counted: each is for a violation or a loss of one stack, and a person answers for it
    until its last day.
    """
    if estate.siblings is None:
        raise NotEvaluated("the stack files of the project are not at hand")
    others = estate.siblings.of_profile("staging")
    if not others:
        raise NotApplicable("the project has no stack of profile staging")
    own = _read(estate.siblings.own(estate.settings))
    yield from every(others, lambda other: _weaker(own, other))


def _weaker(own: "Platform", other: Sibling) -> Iterator[tuple[Setting, str]]:
    # This imports the components, which programs without the platform's config do not need.
    from mlpctl.config.guards import weaker, written
    from mlpctl.policies.rules import mandatory

    found = weaker(own, _read(other.platform), mandatory=mandatory)
    for each in (each for each in found if not each.lapses):
        values = f"{each.path} is {written(each.value)}, and in {other.name} {written(each.than)}"
        yield Setting(each.path), f"protects less than {other.name}: {values}"


def _read(found: "Platform | str") -> "Platform":
    if isinstance(found, str):
        raise NotEvaluated(found)
    return found


def _of_aws(estate: Estate) -> Iterator[Resource]:
    return (each for each in estate.resources if each.type.startswith(types.PACKAGE))


def _each(resources: Iterable[Resource], check: Callable[[Resource], Iterator[str]]) -> Iterator[tuple[Resource, str]]:
    """The violations by resources; after them, whether one could not be evaluated."""
    unclear: NotEvaluated | None = None
    for resource in resources:
        try:
            yield from ((resource, text) for text in check(resource))
        except NotEvaluated as error:
            unclear = unclear or NotEvaluated(f"{error.why} for {resource.name}")
    if unclear:
        raise unclear


def _untagged(resource: Resource, keys: Iterable[str]) -> Iterator[str]:
    if not takes_tags(resource.type):
        return
    found: dict[str, Any] = {}
    for name in ("tagsAll", "tags"):
        found |= _tags(resource.inputs.get(name))
        missing = [key for key in keys if key not in found or (key in _REQUIRED and found[key] in (None, ""))]
        if not missing:
            return
    for name in ("tags", "tagsAll"):
        resource.get(name)
    yield f"lacks {'the tags' if len(missing) > 1 else 'the tag'} {', '.join(missing)}"


def _tags(given: Any) -> Mapping[str, Any]:
    if isinstance(given, Mapping):
        return given
    pairs = [each for each in items(given) if isinstance(each, Mapping) and isinstance(each.get("key"), str)]
    return {each["key"]: each.get("value") for each in pairs}


@cache
def takes_tags(type: str) -> bool:
    """Whether resources of an AWS type have tags, according to the SDK."""
    _, module, name = type.split(":")
    service = module.split("/")[0]
    found = getattr(getattr(aws, f"{service}_" if keyword.iskeyword(service) else service, None), name, None)
    # A type with `tags` alone uses them for something else, such as a selection of resources.
    return hasattr(found, "tags_all") or type == _GROUP


def _own_regions(settings: Mapping[str, Any]) -> Iterator[str]:
    """The region of the stack, from its zones, and those that it copies images to."""
    network = settings.get("network") or {}
    zones = network.get("zones") or (network.get("existing") or {}).get("privateSubnets") or ()
    for zone in map(str, zones):
        name = _REGION.match(zone)
        yield name[0] if name else _prefix(zone)
    yield from map(str, ((settings.get("images") or {}).get("account") or {}).get("replicateTo") or ())


def _elsewhere(resource: Resource, allowed: Mapping[str, str], *, copies: bool) -> Iterator[str]:
    places = [("region", resource.inputs.get("region"))]
    places += [
        (key, value)
        for path, value in walk(resource.inputs)
        if (key := next((str(step) for step in reversed(path) if isinstance(step, str)), "")) in _ZONES
    ]
    if copies and resource.type in _COPIES:
        path = _COPIES[resource.type]
        places += [(path, each) for each in items(value_at(resource.inputs, path))]
    unclear = ""
    for path, value in places:
        if isinstance(value, Unknown | Secret):
            unclear = path
        elif value and _prefix(str(value)) not in allowed:
            verb = "copies data to" if path in _COPIES.values() else "is in"
            yield f"{verb} {value} ({path}); allowed: {', '.join(allowed.values())}"
    if unclear:
        raise NotEvaluated(f"{unclear} is not known yet")


def _prefix(place: str) -> str:
    """What the IDs of zones of a region begin with, from the name of the region or of a zone, or from a zone's ID."""
    if match := _ZONE_ID.match(place):
        return match["region"]
    region = _REGION.match(place)
    return id_prefix(region[0]) if region else place


def _unprotected(resource: Resource) -> Iterator[str]:
    record = kind(resource.type)
    if Holding.DATA not in record.holds or record.guards or record.restorable_from_inputs:
        return
    if resource.protected or resource.retained or kept_data(resource.type, resource.inputs):
        return
    by_default, empties = _ON_BY_DEFAULT.get(resource.type), _EMPTIES.get(resource.type)
    if by_default and resource.get(by_default) is None:
        return
    if empties and word(resource.get(empties, False)) == "false":
        return
    if not any(word(resource.get(name)) in _ON for name in _PROTECTIONS):
        if resource.retained is None:
            raise NotEvaluated("the engine does not tell policy packs whether a resource is retained (retainOnDelete)")
        yield "holds data and can be deleted: it is neither protected nor retained, and has no deletion protection"
