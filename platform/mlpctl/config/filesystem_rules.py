"""Rules for shared file systems and for the models that mount them, in the same form as in `rules`."""

from collections.abc import Callable, Iterator
from typing import Final

from mlpctl.config.sections import Sections
from mlplatform.storage.shared_filesystem.claims import claim_name


def models_mount_what_exists(platform: Sections) -> Iterator[str]:
    """A model's volume must refer to an access point of a file system in this stack."""
    for name, model in platform.inference.items():
        for volume, each in model.volumes.items():
            place = f"inference.{name}.volumes.{volume}"
            filesystem = platform.shared_filesystems.get(each.filesystem)
            if filesystem is None:
                there = ", ".join(platform.shared_filesystems) or "none is defined"
                yield f"{place}.filesystem is {each.filesystem}; allowed: a name of sharedFilesystems ({there})"
            elif each.access_point not in filesystem.access_points:
                there = ", ".join(filesystem.access_points) or "none is defined"
                yield (
                    f"{place}.accessPoint is {each.access_point}; allowed: a name of "
                    f"sharedFilesystems.{each.filesystem}.accessPoints ({there})"
                )


def claims_lie_in_namespaces_that_exist(platform: Sections) -> Iterator[str]:
    """An access point cannot have a claim in a model's namespace, which is created after the file system."""
    for name, filesystem in platform.shared_filesystems.items():
        for point_name, point in filesystem.access_points.items():
            for model in (each for each in point.namespaces if each in platform.inference):
                yield (
                    f"sharedFilesystems.{name}.accessPoints.{point_name}.namespaces has {model}; allowed: namespaces "
                    f"that exist before the stack; the model {model} mounts it by inference.{model}.volumes"
                )


def claims_differ(platform: Sections) -> Iterator[str]:
    """Claim names must be unique in a namespace."""
    first: dict[tuple[str, str], str] = {}
    for name, filesystem in platform.shared_filesystems.items():
        for point_name, point in filesystem.access_points.items():
            place, claim = f"sharedFilesystems.{name}.accessPoints.{point_name}", claim_name(name, point_name)
            for namespace in point.namespaces:
                if first.setdefault((namespace, claim), place) != place:
                    yield (
                        f"{place}.namespaces has {namespace}; allowed: another namespace, or other names, since "
                        f"{first[namespace, claim]} has the claim {claim} there"
                    )


FILESYSTEM_RULES: Final[tuple[Callable[[Sections], Iterator[str]], ...]] = (
    models_mount_what_exists,
    claims_lie_in_namespaces_that_exist,
    claims_differ,
)
