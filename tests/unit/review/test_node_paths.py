"""Paths of nodes that pods mount."""

from typing import Any

import pytest

from changes import change, plan, update
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.kubernetes.node_paths import is_control, more_access, normal
from mlpctl.review.plan.model import Op

CONTROL = [
    *("/", "//", "/.", "/etc", "/etc/", "//etc//", "/etc/./shadow", "/etc/kubernetes/pki", "/tmp/../etc/passwd"),
    *("/var", "/var/lib/", "/var/lib/docker", "/var/lib/kubelet/pods", "/var/lib/etcd/member", "/root/.ssh"),
    *("/run", "/run/containerd/containerd.sock", "/var/run/", "/var/run/docker.sock", "/run/k3s/containerd"),
    *("/proc/1/root", "/sys/fs/cgroup", "/dev/mem", "/dev/nvme0n1", "/usr/bin", "/home/ec2-user/.ssh", "/boot/grub"),
    *(
        "C:\\",
        "c:/",
        "C:\\ProgramData\\docker",
        "\\\\.\\pipe\\docker_engine",
        "//./pipe/docker_engine/",
        "c:/etc/kubernetes",
    ),
    *(
        "C:\\Program Files",
        "c:/program files/containerd",
        "C:\\Users\\a\\.ssh",
        "\\\\?\\C:\\Windows",
        "C:\\var\\lib\\kubelet",
    ),
    *(
        "/usr/lib64",
        "/usr/lib32",
        "/lib32/x",
        "/usr/local/lib/python3",
        "/var/spool",
        "/var/spool/cron",
        "/var/lib/systemd",
    ),
    *(
        "/var/lib/k0s/pki",
        "/var/lib/minikube",
        "/var/snap",
        "/var/snap/microk8s/current",
        "/var/snap/k8s",
        "/snap/core",
    ),
]
HARMLESS = [
    *("/mnt", "/mnt/models", "/data", "/etcetera", "/runner", "/devices", "/var/lib/models", "/opt/models"),
    *("/etc/ssl/certs", "/etc/localtime", "/lib/modules", "/dev/shm/", "/usr/share/zoneinfo", "/usr/local/nvidia"),
    *(
        "D:\\models",
        "D:\\etc",
        "d:/Windows",
        "E:\\",
        "C:\\models",
        "/users/a",
        "/Windows",
        "/var/cache",
        "/var/spool/mail",
        "/srv",
    ),
]


def test_paths_that_give_control_of_a_node() -> None:
    assert [each for each in CONTROL if not is_control(normal(each))] == []
    assert [each for each in HARMLESS if is_control(normal(each))] == []


def test_only_paths_that_were_not_accessible_are_more_access() -> None:
    assert not more_access(["/etc"], ["/etc/", "/etc/kubernetes"])
    assert not more_access(["/var/run"], ["/run/docker.sock"])
    assert not more_access(["/"], ["/proc"])
    assert more_access(["/etc/kubernetes"], ["/etc"])
    assert more_access(["/mnt"], ["/mnt", "/root/.ssh"])


def pods(path: str) -> dict[str, Any]:
    return {"spec": {"volumes": [{"name": "v", "hostPath": {"path": path}}]}}


TYPES: dict[str, Any] = {
    "kubernetes:core/v1:Pod": pods,
    "kubernetes:apps/v1:Deployment": lambda path: {"spec": {"template": pods(path)}},
    "kubernetes:batch/v1:CronJob": lambda path: {"spec": {"jobTemplate": {"spec": {"template": pods(path)}}}},
    "kubernetes:core/v1:PersistentVolume": lambda path: {"spec": {"hostPath": {"path": path}}},
}


@pytest.mark.parametrize("type", TYPES)
def test_a_mounted_path_of_the_node_is_reported(type: str) -> None:
    inputs = TYPES[type]
    (danger,) = dangers(plan(update(type, inputs("/mnt/a"), inputs("/etc/kubernetes/"))))
    assert "can access the node's files" in danger.text
    assert "node's files" not in str(dangers(plan(update(type, inputs("/etc"), inputs("/etc/kubernetes")))))


def test_a_new_volume_of_the_node_is_reported() -> None:
    for way in ("hostPath", "local"):
        inputs = {"spec": {way: {"path": "/var/lib/docker"}}}
        assert dangers(plan(change("kubernetes:core/v1:PersistentVolume", Op.CREATE, inputs=inputs)))
        inputs = {"spec": {way: {"path": "/mnt/disks/a"}}}
        assert not dangers(plan(change("kubernetes:core/v1:PersistentVolume", Op.CREATE, inputs=inputs)))


def test_a_new_pod_with_control_of_its_node_is_reported() -> None:
    for type, inputs in TYPES.items():
        assert any("node's files" in each.text for each in dangers(plan(change(type, Op.CREATE, inputs=inputs("/")))))
        assert not dangers(plan(change(type, Op.CREATE, inputs=inputs("/mnt/a"))))
    for kind in ("apps/v1:DaemonSet", "apps/v1:Deployment", "batch/v1:Job"):
        inputs = {"spec": {"template": {"spec": {"hostPID": True}}}}
        (danger,) = dangers(plan(change(f"kubernetes:{kind}", Op.CREATE, inputs=inputs)))
        assert "node's processes" in danger.text
