"""Defaults of an account, which AWS has for each region by itself, for rules."""

from mlpctl.policies.estate import Class, NotEvaluated, Resource


def defaults(resource: Resource, kind: Class) -> list[Resource]:
    """The resources of a kind that set defaults of the account in the region of another resource.

    `resource` may be a part of one, such as a volume of an instance. A resource that names no region is in that of its
    provider.

    Raises:
        NotEvaluated: there is none for certain, but one may be in that region.
    """
    estate = resource.estate
    found = estate.of(kind)
    region = estate.by_urn[resource.urn].get("region") if found else None
    same = [each for each in found if each.get("region") == region]
    if not same and found and (region is None or any(each.get("region") is None for each in found)):
        raise NotEvaluated(f"it is not known whether {found[0].name} is for its region")
    return same
