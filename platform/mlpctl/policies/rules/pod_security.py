"""Rules for the security of pods.

They follow the Pod Security Standards: https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

import re
from collections.abc import Callable, Iterator, Mapping, Set
from typing import Any, Final, TypeAlias

import pulumi_kubernetes as k8s

from mlpctl.policies.checks import independently
from mlpctl.policies.estate import Resource
from mlpctl.policies.pods import PATCH, WORKLOADS, Part, Pod, pod_of
from mlpctl.policies.rule import ALWAYS, FROM_STAGING, Field, Severity, rule
from mlpctl.review.values.plain import items

Check: TypeAlias = Callable[[Part], Iterator[str]]
"""Finds the violations of a container, or of another part of a pod."""

_HOST: Final = {"hostNetwork": "network", "hostPID": "processes", "hostIPC": "IPC namespace"}

_CAPABILITIES: Final = frozenset(
    {
        *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE"),
        *("SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
    }
)
"""Capabilities that the baseline standard allows to add."""

_SYSCTLS: Final = frozenset(
    {
        *("kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports"),
        *("net.ipv4.ip_unprivileged_port_start", "net.ipv4.ping_group_range", "net.ipv4.tcp_fin_timeout"),
        *("net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_keepalive_time"),
        "net.ipv4.tcp_syncookies",
    }
)
"""Kernel settings that the baseline standard allows."""

_SELINUX_TYPES: Final = ("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t")
_PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe", "lifecycle.postStart", "lifecycle.preStop")
_APPARMOR: Final = "container.apparmor.security.beta.kubernetes.io/"

_VOLUMES: Final = frozenset(
    {
        *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"),
    }
)
"""Kinds of volumes that the restricted standard allows."""

_PROFILES: Final = ("RuntimeDefault", "Localhost")

ENFORCE: Final = "pod-security.kubernetes.io/enforce"
"""Label of namespaces: https://kubernetes.io/docs/concepts/security/pod-security-admission/"""

COMPLETE: Final = 34
"""The minor version of Kubernetes in which the standard got the last check that adds to it, of hosts in probes and
lifecycle hooks; newer versions only allow more:
https://github.com/kubernetes/kubernetes/tree/master/staging/src/k8s.io/pod-security-admission/policy"""

_VERSION: Final = re.compile(r"v1\.(\d+)")
"""A version in a label. Kubernetes rejects others, except for `latest`, which is the default."""


@rule(
    "ML-K8S-01",
    *WORKLOADS,
    reason="A pod with access to its node can read the credentials and data of every other pod on it.",
    remedy="Remove the setting; for a driver or an exporter that needs it, add a waiver with an owner and a last day.",
    severity=Severity.CRITICAL,
    levels=ALWAYS,
    serves=[
        "pss:baseline",
        "cis-eks:4.2.1",
        "cis-eks:4.2.2",
        "cis-eks:4.2.3",
        "cis-eks:4.2.4",
        "iso:A.8.2",
        "iso:A.8.3",
        "checkov:CKV_K8S_16",
        "checkov:CKV_K8S_17",
        "checkov:CKV_K8S_18",
        "checkov:CKV_K8S_19",
        "checkov:CKV_K8S_26",
        "checkov:CKV_K8S_27",
    ],
)
def pods_meet_the_baseline_standard(workload: Resource) -> Iterator[str]:
    """Pods meet the baseline Pod Security Standard."""
    pod = pod_of(workload)
    checks = (_privileges, _added(_CAPABILITIES), _host_ports, _hosts, _proc)
    yield from independently(
        [
            *(_shares(pod, key, what) for key, what in _HOST.items()),
            independently(map(_host_path, pod.spec.parts("volumes"))),
            _sysctls(pod),
            _annotations(pod),
            *(check(pod.spec, "its pods") for check in _PROFILED),
            _of_containers(pod, *checks, *(_named(check) for check in _PROFILED)),
        ]
    )


@rule(
    "ML-K8S-02",
    *WORKLOADS,
    k8s.core.v1.Namespace,
    k8s.core.v1.NamespacePatch,
    reason="A fault in a program that runs as root, or may gain privileges, is a fault in the isolation of its node.",
    remedy=(
        "Set the fields of securityContext, and the labels pod-security.kubernetes.io/enforce: restricted and "
        "enforce-version: latest."
    ),
    severity=Severity.HIGH,
    levels=FROM_STAGING,
    serves=[
        "pss:restricted",
        "cis-eks:4.2.5",
        "iso:A.8.2",
        "checkov:CKV_K8S_20",
        "checkov:CKV_K8S_23",
        "checkov:CKV_K8S_28",
        "checkov:CKV_K8S_31",
        "checkov:CKV_K8S_37",
    ],
    fields=[
        Field("ClusterGuardrails", "namespaces.*.podSecurity"),
        Field("TeamWorkspace", "namespaces.*.podSecurity"),
    ],
)
def pods_meet_the_restricted_standard(resource: Resource) -> Iterator[str]:
    """Pods meet the restricted Pod Security Standard, and namespaces enforce it."""
    if resource.type.removesuffix(PATCH) == "kubernetes:core/v1:Namespace":
        yield from _enforces(resource)
        return
    pod = pod_of(resource)
    linux = (_escalation(pod), _seccomp(pod), _dropped(pod), _added({"NET_BIND_SERVICE"})) if pod.on_linux else ()
    yield from independently(
        [
            independently(map(_volume, pod.spec.parts("volumes"))),
            _root(pod.spec, "its pods"),
            _of_containers(pod, _non_root(pod), *linux),
        ]
    )


@rule(
    "ML-K8S-04",
    *WORKLOADS,
    reason="Whoever takes over a program can replace it by another one for as long as the container lives.",
    remedy="Set securityContext.readOnlyRootFilesystem, and mount an emptyDir where the program writes.",
    severity=Severity.MEDIUM,
    levels=FROM_STAGING,
    serves=["checkov:CKV_K8S_22"],
)
def containers_do_not_write_to_their_image(workload: Resource) -> Iterator[str]:
    """Containers do not write to the file system of their image."""
    pod = pod_of(workload)

    def writes(container: Part) -> Iterator[str]:
        value = container.get("securityContext.readOnlyRootFilesystem")
        if value is not True and (pod.whole or value is not None):
            yield f"may write to the image of container {container.name}: readOnlyRootFilesystem is not true"

    if pod.on_linux:
        yield from _of_containers(pod, writes)


def _of_containers(pod: Pod, *checks: Check) -> Iterator[str]:
    yield from independently(check(each) for each in pod.containers() for check in checks)


def _on(value: Any) -> bool:
    return value is True or value == "true"


def _shares(pod: Pod, key: str, what: str) -> Iterator[str]:
    if _on(pod.spec.get(key)):
        yield f"shares the {what} of its node: {key} is true"


def _host_path(volume: Part) -> Iterator[str]:
    if volume.get("hostPath") is not None:
        yield f"mounts a path of its node: volume {volume.name} has hostPath"


def _sysctls(pod: Pod) -> Iterator[str]:
    for each in pod.spec.parts("securityContext.sysctls"):
        if (name := str(each.get("name"))) not in _SYSCTLS:
            yield f"changes the kernel setting {name}, which other pods may depend on"


def _annotations(pod: Pod) -> Iterator[str]:
    """AppArmor profiles in the form before Kubernetes 1.30."""
    for key, value in pod.metadata.entries("annotations"):
        known = value.known if key.startswith(_APPARMOR) else "runtime/default"
        if known != "runtime/default" and not str(known).startswith("localhost/"):
            yield f"runs container {key.removeprefix(_APPARMOR)} with the AppArmor profile {known}"


def _privileges(container: Part) -> Iterator[str]:
    if _on(container.get("securityContext.privileged")):
        yield f"runs container {container.name} with all privileges of its node: privileged is true"


def _added(allowed: Set[str]) -> Check:
    def adds(container: Part) -> Iterator[str]:
        given = [str(each.known) for each in container.parts("securityContext.capabilities.add")]
        if more := [each for each in given if each not in allowed]:
            yield f"gives container {container.name} the capabilities {', '.join(more)}"

    return adds


def _host_ports(container: Part) -> Iterator[str]:
    for port in container.parts("ports"):
        if given := port.get("hostPort"):
            yield f"opens port {given} of its node for container {container.name}: hostPort is set"


def _hosts(container: Part) -> Iterator[str]:
    """Probes and hooks of the kubelet, which could connect to any host; since Kubernetes 1.34."""
    for probe in _PROBES:
        for way in ("httpGet", "tcpSocket"):
            if host := container.get(f"{probe}.{way}.host"):
                yield f"lets its node connect to {host} for container {container.name}: {probe}.{way}.host is set"


def _proc(container: Part) -> Iterator[str]:
    if container.get("securityContext.procMount", "Default") != "Default":
        yield f"shows all of /proc to container {container.name}: procMount is not Default"


def _host_process(part: Part, who: str) -> Iterator[str]:
    if _on(part.get("securityContext.windowsOptions.hostProcess")):
        yield f"runs {who} as processes of the node: windowsOptions.hostProcess is true"


def _confined(part: Part, who: str) -> Iterator[str]:
    for profile, what in (("seccompProfile", "seccomp"), ("appArmorProfile", "AppArmor")):
        kind = part.get(f"securityContext.{profile}.type")
        if kind is not None and kind not in _PROFILES:
            yield f"runs {who} without a profile of {what}: {profile}.type is {kind}"


def _selinux(part: Part, who: str) -> Iterator[str]:
    own = "securityContext.seLinuxOptions"
    wrong = [key for key in ("user", "role") if part.get(f"{own}.{key}")]
    wrong += ["type"] if part.get(f"{own}.type", "") not in _SELINUX_TYPES else []
    if wrong:
        yield f"sets SELinux options of {who}: {', '.join(wrong)}"


_PROFILED: Final = (_host_process, _confined, _selinux)
"""Checks of a security context, which pods and containers have."""


def _named(check: Callable[[Part, str], Iterator[str]]) -> Check:
    return lambda container: check(container, f"container {container.name}")


def _enforces(namespace: Resource) -> Iterator[str]:
    labels = Part(namespace.inputs).item("metadata").item("labels")
    level = labels.item(ENFORCE).known
    if level != "restricted" and (level is not None or not namespace.type.endswith(PATCH)):
        yield f"admits pods below the restricted standard: its label {ENFORCE} is {level or 'missing'}"
    elif (version := _VERSION.fullmatch(str(labels.item(f"{ENFORCE}-version").known))) and int(version[1]) < COMPLETE:
        yield (
            f"admits pods below the restricted standard: its label {ENFORCE}-version is {version[0]}, in which checks "
            f"are missing that v1.{COMPLETE} has"
        )


def _volume(volume: Part) -> Iterator[str]:
    given = volume.known if isinstance(volume.known, Mapping) else {}
    for kind in (key for key, value in given.items() if key not in ("name", *_VOLUMES) and value is not None):
        yield f"mounts volume {volume.name} of the kind {kind}"


def _root(part: Part, who: str) -> Iterator[str]:
    user = part.get("securityContext.runAsUser")
    if user is not None and str(user) in ("0", "0.0"):
        yield f"runs {who} as root: runAsUser is 0"


def _non_root(pod: Pod) -> Check:
    def check(container: Part) -> Iterator[str]:
        yield from _root(container, f"container {container.name}")
        value = container.get("securityContext.runAsNonRoot")
        value = pod.spec.get("securityContext.runAsNonRoot") if value is None else value
        if value is not True and (pod.whole or value is not None):
            yield f"may run container {container.name} as root: runAsNonRoot is not true"

    return check


def _escalation(pod: Pod) -> Check:
    def check(container: Part) -> Iterator[str]:
        value = container.get("securityContext.allowPrivilegeEscalation")
        if value is not False and (pod.whole or value is not None):
            yield f"lets container {container.name} gain privileges: allowPrivilegeEscalation is not false"

    return check


def _seccomp(pod: Pod) -> Check:
    def check(container: Part) -> Iterator[str]:
        kind = container.get("securityContext.seccompProfile.type")
        kind = pod.spec.get("securityContext.seccompProfile.type") if kind is None else kind
        if kind not in _PROFILES and (pod.whole or kind is not None):
            yield f"runs container {container.name} without seccomp: seccompProfile.type is {kind or 'missing'}"

    return check


def _dropped(pod: Pod) -> Check:
    def check(container: Part) -> Iterator[str]:
        dropped = container.get("securityContext.capabilities.drop")
        if "ALL" not in items(dropped) and (pod.whole or dropped is not None):
            yield f"leaves capabilities to container {container.name}: capabilities.drop does not contain ALL"

    return check
