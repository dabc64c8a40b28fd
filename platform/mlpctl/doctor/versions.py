"""Checks of versions: Kubernetes, node images and add-ons."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from awsfacts import instances, node_images
from awsfacts.allocatable import FILE_DRIVER, SECRETS_STORE
from awsfacts.eks_versions import order
from mlpctl.config.warnings import WARNED_DAYS
from mlpctl.doctor.account import cluster, own_cluster
from mlpctl.doctor.asking import Answers, Question
from mlpctl.doctor.finding import Check, Finding, Level, Wanted
from mlplatform.compute.eks_cluster.addons import AFTER_NODES, BEFORE_NODES
from mlplatform.compute.eks_cluster.spec import addon_version

KUBERNETES: Final = Question("eks", "DescribeClusterVersions", items="clusterVersions")

MOST_NAMES: Final = 10
"""Maximum number of parameters in a request:
https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameters.html"""


def _kubernetes(wanted: Wanted, answers: Answers) -> Iterator[Finding]:
    version, field = wanted.platform.cluster.version, "cluster.version"
    offered = {each["clusterVersion"]: each for each in answers(KUBERNETES)}
    found = offered.get(version)
    if found is None or found.get("versionStatus") == "UNSUPPORTED":
        there = ", ".join(sorted(offered, key=order))
        fact = f"EKS does not offer Kubernetes {version} in {wanted.region}; it offers {there}"
        yield Finding(Level.BLOCKS, fact, KUBERNETES, field, "Use one of these versions.")
        return
    ends = found["endOfStandardSupportDate"]
    left = (ends.date() if hasattr(ends, "date") else ends) - wanted.now.date()
    fact = f"EKS offers Kubernetes {version}; its standard support ends on {ends:%Y-%m-%d}"
    if left.days > WARNED_DAYS:
        yield Finding(Level.PASSES, fact, KUBERNETES, field)
    else:
        fix = "Plan an upgrade before that date: AWS then upgrades the control plane by itself."
        yield Finding(Level.WARNS, fact, KUBERNETES, field, fix)


def _upgrade(wanted: Wanted, answers: Answers) -> Iterator[Finding]:
    question, version, field = cluster(wanted), wanted.platform.cluster.version, "cluster.version"
    if not answers.exists(question):
        return
    found = answers(question)["cluster"]
    if own_cluster(wanted, answers) is None:
        fact = f"Another stack or program has the cluster {wanted.cluster_name} in this account and region"
        yield Finding(
            Level.BLOCKS, fact, question, "cluster", "Use another name for the stack, or delete that cluster."
        )
        return
    there, now = order(version), order(found["version"])
    fact = f"The cluster runs Kubernetes {found['version']} and is {found['status']}; the stack file has {version}"
    if there < now:
        yield Finding(Level.BLOCKS, fact, question, field, f'Set version: "{found["version"]}"; EKS never downgrades.')
    elif there[-1] - now[-1] > 1:
        step = f"{now[0]}.{now[1] + 1}"
        yield Finding(
            Level.BLOCKS, fact, question, field, f'Set version: "{step}" first; EKS upgrades one version at a time.'
        )
    elif found["status"] != "ACTIVE":
        yield Finding(Level.WARNS, fact, question, field, "Wait until it is ACTIVE; EKS rejects updates until then.")
    else:
        yield Finding(Level.PASSES, fact, question, field)


def _images(wanted: Wanted) -> dict[str, tuple[str, str]]:
    """The parameter and the release of each pool with a pinned image, by the path of the field."""
    platform, version = wanted.platform, wanted.platform.cluster.version
    found = {}
    if release := platform.cluster.system.ami_release:
        name = node_images.parameter(version, release, nvidia=False, arm=False)
        found["cluster.system.amiRelease"] = (name, release)
    for pool_name, pool in platform.gpu_pools.items():
        if pool.ami_release:
            facts = instances.find(pool.instance_types[0])
            arm = facts is not None and facts.architecture == "arm64"
            name = node_images.parameter(version, pool.ami_release, nvidia=True, arm=arm)
            found[f"gpuPools.{pool_name}.amiRelease"] = (name, pool.ami_release)
    return found


def _parameters(wanted: Wanted) -> list[Question]:
    names = sorted({name for name, _ in _images(wanted).values()})
    batches = [names[at : at + MOST_NAMES] for at in range(0, len(names), MOST_NAMES)]
    return [Question("ssm", "GetParameters", {"Names": batch}) for batch in batches]


def _releases(wanted: Wanted, answers: Answers) -> Iterator[Finding]:
    pinned = _images(wanted)
    if not pinned:
        yield Finding(Level.PASSES, "No pool pins a release of its image; EKS uses its latest")
    for question in _parameters(wanted):
        there: dict[str, Any] = {each["Name"]: each["Value"] for each in answers(question)["Parameters"]}
        for field, (name, release) in pinned.items():
            if name not in question.arguments["Names"]:
                continue
            if name in there:
                yield Finding(Level.PASSES, f"{name} is {there[name]}", question, field)
                continue
            fact = f"{wanted.region} has no image of Bottlerocket {release}: there is no parameter {name}"
            fix = "Use a release that `aws ssm get-parameters-by-path --recursive --path` lists below "
            yield Finding(Level.BLOCKS, fact, question, field, f"{fix}{name.rsplit('/', 2)[0]}.")


def _addons(wanted: Wanted) -> list[str]:
    """The add-ons that the stack installs."""
    platform = wanted.platform
    optional = ((SECRETS_STORE, platform.uses_secrets), (FILE_DRIVER, bool(platform.shared_filesystems)))
    return [*BEFORE_NODES, *AFTER_NODES, *(name for name, used in optional if used)]


def _addon(name: str, version: str) -> Question:
    return Question("eks", "DescribeAddonVersions", {"addonName": name, "kubernetesVersion": version}, "addons")


def _addon_versions(wanted: Wanted, answers: Answers) -> Iterator[Finding]:
    spec = wanted.platform.cluster
    found = []
    for name in _addons(wanted):
        question, version = _addon(name, spec.version), addon_version(spec, name)
        offered = [each["addonVersion"] for addon in answers(question) for each in addon["addonVersions"]]
        if version in offered:
            found.append(f"{name} {version}")
            continue
        others = ", ".join(offered) or "none"
        fact = f"EKS does not offer {name} {version} for Kubernetes {spec.version}; it offers {others}"
        fix = f"Set cluster.addonVersions.{name}" + (f": {offered[0]}." if offered else "; no version fits.")
        yield Finding(Level.BLOCKS, fact, question, f"cluster.addonVersions.{name}", fix)
    if found:
        fact = f"EKS offers {', '.join(found)}"
        yield Finding(Level.PASSES, fact, _addon(found[0].partition(" ")[0], spec.version), "cluster.version")


def _asks_addons(wanted: Wanted, answers: Answers) -> Iterable[Question]:
    return [_addon(name, wanted.platform.cluster.version) for name in _addons(wanted)]


CHECKS: Final = (
    Check("versions.kubernetes", "the Kubernetes version and its support", _kubernetes, lambda *_: (KUBERNETES,)),
    Check("versions.upgrade", "the version of the cluster that exists", _upgrade, lambda w, _: (cluster(w),)),
    Check("versions.images", "`amiRelease` for the Kubernetes version", _releases, lambda w, _: _parameters(w)),
    Check("versions.addons", "the versions of add-ons", _addon_versions, _asks_addons),
)
