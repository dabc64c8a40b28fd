"""Where pods in all zones share files."""

from collections.abc import Mapping, Sequence
from typing import Final, NotRequired

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s

from awsfacts.partitions import AWS
from mlplatform.args import PartitionArgs, TagArgs
from mlplatform.checks.arguments import checked, need
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
    """The file system."""

    vpc_id: pulumi.Input[str]
    """The network."""

    subnet_ids: Mapping[str, pulumi.Input[str]]
    """The private subnet of each zone, by the zone's name: EFS takes one mount target a zone."""

    cluster_security_group_id: pulumi.Input[str]
    """Security group of the nodes that mount it, and of nobody else."""

    driver_role_name: pulumi.Input[str]
    """Role of the cluster's EFS CSI driver, `file_driver_role_name` of an `EksCluster` with `shared_filesystems`."""

    data_key_arn: pulumi.Input[str]
    """Key that it is encrypted with, unless `filesystem.ownKey`."""

    account_id: NotRequired[pulumi.Input[str]]
    """AWS account that administers its own key, 12 digits. Needed for `filesystem.ownKey`."""

    region: NotRequired[pulumi.Input[str]]
    """AWS region of its own key, e.g. `us-east-1`. Needed for `filesystem.ownKey`."""

    protect: NotRequired[bool]
    """Refuse to delete or replace the file system, its key, its policy and its backups. Default: false."""


class SharedFilesystem(Component):
    """An encrypted EFS file system that nodes of one cluster mount by TLS, with access points, claims and a class.

    Its Kubernetes objects go to the caller's provider for the cluster.
    """

    filesystem_id: pulumi.Output[str]
    """Id of the file system."""

    filesystem_arn: pulumi.Output[str]
    """ARN of the file system."""

    volume_handles: pulumi.Output[Mapping[str, str]]
    """What a volume of the EFS CSI driver mounts, by access point."""

    storage_class: pulumi.Output[str]
    """StorageClass whose claims each get a directory of their own."""

    def __init__(self, name: str, args: SharedFilesystemArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = checked(SharedFilesystemArgs, self, name, args)
        wanted = args["filesystem"]
        if wanted.own_key:
            need(self, name, args, "account_id", "region", since="filesystem has ownKey")
        super().__init__(name, args, opts)

        files = self._file_system(name, wanted, args)
        # A client that mounts before the policy is there may do without TLS.
        mounts = self._mount_targets(name, files, args, before=[self._policy(name, wanted, files)])
        self._backups(name, wanted, files)
        handles = {
            each: claims.handle(files.id, self._access_point(name, each, point, files))
            for each, point in wanted.access_points.items()
        }
        for each, point in wanted.access_points.items():
            for namespace in point.namespaces:
                self._claim(name, each, namespace, handles[each], mounts)
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
        """The argument `volume_handles` by which an `InferenceService` mounts its access points."""
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
        """Switch backups on or off by EFS's own plan, daily and kept for 35 days.

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
        id: pulumi.Output[str] = aws.efs.AccessPoint(
            f"{name}-point-{point_name}",
            file_system_id=files.id,
            posix_user=posix_user(point),
            root_directory=root_directory(point_name, point),
            tags=self.tags_for(f"{name}-point-{point_name}"),
            opts=self.child(),
        ).id
        return id

    def _claim(
        self,
        name: str,
        point_name: str,
        namespace: str,
        handle: pulumi.Output[str],
        mounts: Sequence[pulumi.Resource],
    ) -> None:
        """A volume and its claim, which is named the same in every namespace."""
        logical_name = f"{name}-point-{point_name}-in-{namespace}"
        claim = claims.claim_name(name, point_name)
        claims.claimed(self, logical_name, namespace, claim, handle, LABELS, depends_on=mounts)

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
            # The access point goes with its claim; the directory and its files stay.
            reclaim_policy="Delete",
            volume_binding_mode="Immediate",
            opts=self.child(depends_on=[driver, *mounts]),
        )
