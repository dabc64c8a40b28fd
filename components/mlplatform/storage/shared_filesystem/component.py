"""File systems that pods in all zones share."""

from collections.abc import Mapping, Sequence
from typing import Final, NotRequired

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s

from awsfacts.partitions import AWS
from mlplatform import grammar
from mlplatform.args import PartitionArgs, TagArgs
from mlplatform.checks.arguments import ArgumentsError, Problem, checked, need, what_is
from mlplatform.component import Component
from mlplatform.foundation.key_ring import KeyDomain, KeyRingSpec, sealing_key
from mlplatform.storage.shared_filesystem import claims
from mlplatform.storage.shared_filesystem.spec import (
    AccessPointSpec,
    SharedFilesystemSpec,
    driver_policy,
    filesystem_policy,
    lifecycle_policies,
    posix_user,
    root_directory,
)

NFS_PORT: Final = 2049
LABELS: Final = {"app.kubernetes.io/component": "storage", "app.kubernetes.io/part-of": "mlplatform"}


class SharedFilesystemArgs(PartitionArgs, TagArgs):
    """Arguments of a `SharedFilesystem`."""

    filesystem: SharedFilesystemSpec
    """The spec of the file system."""

    vpc_id: pulumi.Input[str]
    """ID of the VPC."""

    subnet_ids: Mapping[str, pulumi.Input[str]]
    """ID of the private subnet in each zone, by the zone's name. EFS allows one mount target per zone."""

    cluster_security_group_id: pulumi.Input[str]
    """Security group of the nodes. Only its members can mount the file system."""

    driver_role_name: pulumi.Input[str]
    """Name of the role of the cluster's EFS CSI driver: `file_driver_role_name` of an `EksCluster` with
    `shared_filesystems`."""

    data_key_arn: pulumi.Input[str]
    """ARN of the KMS key of the file system. Not used with `filesystem.ownKey`."""

    account_id: NotRequired[pulumi.Input[str]]
    """AWS account ID, 12 digits. Required for `filesystem.ownKey`."""

    region: NotRequired[pulumi.Input[str]]
    """AWS region, e.g. `us-east-1`. Required for `filesystem.ownKey`."""

    created_namespaces: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Namespaces that the program creates, by name, so that claims in them are created later. Default: namespaces of
    claims exist already."""

    protect: NotRequired[bool]
    """Protect the file system, its key, its policy and its backups from deletion and replacement. Default: false."""


class SharedFilesystem(Component):
    """An encrypted EFS file system for one cluster, mounted over TLS, with access points, claims and a StorageClass.

    Its Kubernetes objects are created with the Kubernetes provider in `opts`.
    """

    filesystem_id: pulumi.Output[str]
    """ID of the file system."""

    filesystem_arn: pulumi.Output[str]
    """ARN of the file system."""

    volume_handles: pulumi.Output[Mapping[str, str]]
    """Volume handles for the EFS CSI driver, by access point."""

    storage_class: pulumi.Output[str]
    """Name of the StorageClass whose claims each get a separate directory."""

    def __init__(self, name: str, args: SharedFilesystemArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = checked(SharedFilesystemArgs, self, name, args)
        wanted = args["filesystem"]
        if allowed := grammar.group_name_problem(name):
            raise ArgumentsError(what_is(self, name), [Problem("name", f"is {name}; allowed: {allowed}")])
        if wanted.own_key:
            need(self, name, args, "account_id", "region", since="filesystem has ownKey")
        super().__init__(name, args, opts)

        files = self._file_system(name, wanted, args)
        # Until the policy exists, clients could mount the file system without TLS.
        mounts = self._mount_targets(name, files, args, before=[self._policy(name, wanted, files)])
        self._backups(name, wanted, files)
        handles = {
            each: claims.handle(files.id, self._access_point(name, each, point, files))
            for each, point in wanted.access_points.items()
        }
        for each, point in wanted.access_points.items():
            for namespace in point.namespaces:
                there = args.get("created_namespaces", {}).get(namespace, namespace)
                self._claim(name, each, namespace, there, handles[each], mounts)
        storage_class = self._storage_class(name, files, args["driver_role_name"], mounts)

        self.filesystem_id = files.id
        self.filesystem_arn = files.arn
        self.volume_handles = pulumi.Output.all(*handles.values()).apply(
            lambda known: dict(zip(handles, known, strict=True))
        )
        self.storage_class = pulumi.Output.from_input(storage_class.metadata).apply(
            lambda metadata: str(metadata["name"])
        )
        self._handles = {f"{name}/{each}": handle for each, handle in handles.items()}
        self._done()

    def mounting(self) -> dict[str, pulumi.Output[str]]:
        """The argument `volume_handles` of an `InferenceService` that mounts its access points."""
        return {**self._handles}

    def _file_system(self, name: str, wanted: SharedFilesystemSpec, args: SharedFilesystemArgs) -> "aws.efs.FileSystem":
        return aws.efs.FileSystem(
            f"{name}-files",
            encrypted=True,
            kms_key_id=self._own_key(name, wanted, args) if wanted.own_key else args["data_key_arn"],
            throughput_mode="elastic",
            lifecycle_policies=lifecycle_policies(wanted),
            tags=self.tags_for(f"{name}-files"),
            opts=self.guarded(retain_on_delete=wanted.retain),
        )

    def _own_key(self, name: str, wanted: SharedFilesystemSpec, args: SharedFilesystemArgs) -> pulumi.Output[str]:
        owner = pulumi.Output.all(
            account_id=args["account_id"], region=args["region"], partition=args.get("partition", AWS)
        )
        key = sealing_key(self, f"{name}-key", KeyRingSpec(retain=wanted.retain), frozenset({KeyDomain.DATA}), owner)
        arn: pulumi.Output[str] = key.arn
        return arn

    def _policy(
        self, name: str, wanted: SharedFilesystemSpec, files: "aws.efs.FileSystem"
    ) -> "aws.efs.FileSystemPolicy":
        return aws.efs.FileSystemPolicy(
            f"{name}-policy",
            file_system_id=files.id,
            policy=files.arn.apply(filesystem_policy),
            opts=self.guarded(retain_on_delete=wanted.retain),
        )

    def _backups(self, name: str, wanted: SharedFilesystemSpec, files: "aws.efs.FileSystem") -> None:
        """Enable or disable EFS automatic backups: daily, retained for 35 days.

        Source: https://docs.aws.amazon.com/efs/latest/ug/awsbackup.html
        """
        aws.efs.BackupPolicy(
            f"{name}-backups",
            file_system_id=files.id,
            backup_policy={"status": "ENABLED" if wanted.backup else "DISABLED"},
            opts=self.guarded(retain_on_delete=wanted.retain),
        )

    def _mount_targets(
        self,
        name: str,
        files: "aws.efs.FileSystem",
        args: SharedFilesystemArgs,
        before: Sequence[pulumi.Resource],
    ) -> list[pulumi.Resource]:
        group = aws.ec2.SecurityGroup(
            f"{name}-mounts",
            vpc_id=args["vpc_id"],
            description="Mount targets of a file system, reached by the nodes of one cluster",
            tags=self.tags_for(f"{name}-mounts"),
            opts=self.child(),
        )
        nfs = aws.vpc.SecurityGroupIngressRule(
            f"{name}-mounts-nfs",
            security_group_id=group.id,
            description="NFS from the nodes of the cluster",
            referenced_security_group_id=args["cluster_security_group_id"],
            ip_protocol="tcp",
            from_port=NFS_PORT,
            to_port=NFS_PORT,
            tags=self.tags_for(f"{name}-mounts-nfs"),
            opts=self.child(),
        )
        targets = [
            aws.efs.MountTarget(
                f"{name}-mount-{zone}",
                file_system_id=files.id,
                subnet_id=subnet_id,
                security_groups=[group.id],
                opts=self.child(depends_on=[*before]),
            )
            for zone, subnet_id in args["subnet_ids"].items()
        ]
        return [nfs, *targets]

    def _access_point(
        self, name: str, point_name: str, point: AccessPointSpec, files: "aws.efs.FileSystem"
    ) -> pulumi.Output[str]:
        logical_name = claims.point_logical_name(name, point_name)
        id: pulumi.Output[str] = aws.efs.AccessPoint(
            logical_name,
            file_system_id=files.id,
            posix_user=posix_user(point),
            root_directory=root_directory(point_name, point),
            tags=self.tags_for(logical_name),
            opts=self.child(),
        ).id
        return id

    def _claim(
        self,
        name: str,
        point_name: str,
        namespace: str,
        there: pulumi.Input[str],
        handle: pulumi.Output[str],
        mounts: Sequence[pulumi.Resource],
    ) -> None:
        """A volume and its claim in `namespace`, which is `there`. It has the same name in every namespace."""
        logical_name = claims.claim_logical_name(name, point_name, namespace)
        claim = claims.claim_name(name, point_name)
        claims.claimed(self, logical_name, there, claim, handle, LABELS, depends_on=mounts)

    def _storage_class(
        self,
        name: str,
        files: "aws.efs.FileSystem",
        driver_role_name: pulumi.Input[str],
        mounts: Sequence[pulumi.Resource],
    ) -> "k8s.storage.v1.StorageClass":
        driver = aws.iam.RolePolicy(
            f"{name}-driver",
            role=driver_role_name,
            policy=files.arn.apply(driver_policy),
            opts=self.child(),
        )
        return k8s.storage.v1.StorageClass(
            f"{name}-class",
            metadata={
                "name": f"efs-{name}",
                "labels": LABELS,
                "annotations": self.annotations_for(f"{name}-class"),
            },
            provisioner=claims.DRIVER,
            parameters=claims.class_parameters(files.id),
            # The access point is deleted with its claim; the directory and its files remain.
            reclaim_policy="Delete",
            volume_binding_mode="Immediate",
            opts=self.child(depends_on=[driver, *mounts]),
        )
