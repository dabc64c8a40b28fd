"""Rules for shared file systems and for the models that mount them, in the same form as in `rules`."""

from collections.abc import Callable, Iterator
from typing import Final

from mlpctl.config.sections import Sections
from mlplatform import grammar
from mlplatform.serving.inference_service import volumes
from mlplatform.storage.shared_filesystem import claims


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
            for namespace in (each for each in point.namespaces if each in platform.team_namespaces):
                team = platform.team_namespaces[namespace]
                yield (
                    f"sharedFilesystems.{name}.accessPoints.{point_name}.namespaces has {namespace}; allowed: "
                    f"namespaces that are created before the file system; the team {team} "
                    f"creates claims of the StorageClass efs-{name}"
                )


def claims_differ(platform: Sections) -> Iterator[str]:
    """Claim names must be unique in a namespace."""
    first: dict[tuple[str, str], str] = {}
    for name, filesystem in platform.shared_filesystems.items():
        for point_name, point in filesystem.access_points.items():
            place, claim = f"sharedFilesystems.{name}.accessPoints.{point_name}", claims.claim_name(name, point_name)
            for namespace in point.namespaces:
                if first.setdefault((namespace, claim), place) != place:
                    yield (
                        f"{place}.namespaces has {namespace}; allowed: another namespace, or other names, since "
                        f"{first[namespace, claim]} has the claim {claim} there"
                    )


def resources_have_different_names(platform: Sections) -> Iterator[str]:
    """Logical names join the names of the file, so that different names may result in the same logical name."""
    first: dict[tuple[str, str], str] = {}

    def again(problem: str, what: str, logical_name: str, place: str) -> Iterator[str]:
        if (other := first.setdefault((what, logical_name), place)) != place:
            yield f"{problem}; allowed: another name, since the {what} {logical_name} would also be that of {other}"

    for name, filesystem in platform.shared_filesystems.items():
        for point_name, point in filesystem.access_points.items():
            points = f"sharedFilesystems.{name}.accessPoints"
            place = f"{points}.{point_name}"
            logical_name = claims.point_logical_name(name, point_name)
            yield from again(f"{points} has {point_name}", "access point", logical_name, place)
            for namespace in point.namespaces:
                logical_name = claims.claim_logical_name(name, point_name, namespace)
                problem = f"{place}.namespaces has {namespace}"
                yield from again(problem, "claim", logical_name, f"{place} in {namespace}")
    for name, model in platform.inference.items():
        for volume in model.volumes:
            place = f"inference.{name}.volumes"
            logical_name = volumes.logical_name(name, volume)
            yield from again(f"{place} has {volume}", "claim", logical_name, f"{place}.{volume}")


def file_systems_have_names_that_ec2_allows(platform: Sections) -> Iterator[str]:
    """The security group of a file system is named after it."""
    for name in platform.shared_filesystems:
        if allowed := grammar.group_name_problem(name):
            yield f"sharedFilesystems has {name}; allowed: {allowed}"


FILESYSTEM_RULES: Final[tuple[Callable[[Sections], Iterator[str]], ...]] = (
    models_mount_what_exists,
    claims_lie_in_namespaces_that_exist,
    claims_differ,
    resources_have_different_names,
    file_systems_have_names_that_ec2_allows,
)
