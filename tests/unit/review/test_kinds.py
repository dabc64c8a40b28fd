"""Names of types, and what they hold."""

import re

import pytest

from awsfacts import instances
from awsfacts.records import Holding
from mlpctl.review.types import records
from mlpctl.review.types.kinds import kind, words_of
from mlpctl.review.types.machines import machines


def test_our_components_have_their_own_name_or_that_of_their_class() -> None:
    import mlplatform

    components = {each for each in mlplatform.__all__ if f"{each}Args" in mlplatform.__all__}
    listed = {type for type in records.names() if type.startswith("mlplatform:")}
    named = {f"mlplatform:index:{each}" for each in components}
    assert {each for each in listed if "*" not in each} <= named
    assert [each for each in named if not kind(each).words or kind(each).words.lower().startswith("mlplatform")] == []


@pytest.mark.parametrize(
    ("type", "words"),
    [
        ("aws:s3/bucket:Bucket", "S3 bucket"),
        ("aws:eks/nodeGroup:NodeGroup", "EKS node group"),
        ("aws:iam/role:Role", "IAM role"),
        ("mlplatform:index:GpuNodePool", "GPU node pool"),
        ("kubernetes:apps/v1:Deployment", "Kubernetes Deployment"),
        ("kubernetes:apps/v1beta1:Deployment", "Kubernetes Deployment"),
        ("kubernetes:serving.kserve.io/v1beta1:InferenceService", "KServe inference service"),
        ("kubernetes:cert-manager.io/v1:Certificate", "Kubernetes Certificate (cert-manager.io)"),
        ("kubernetes:flowcontrol.apiserver.k8s.io/v1:FlowSchema", "Kubernetes FlowSchema"),
        ("gcp:sql/databaseInstance:DatabaseInstance", "GCP SQL database instance"),
        ("gcp:vertex/aiFeatureOnlineStore:AiFeatureOnlineStore", "GCP vertex AI feature online store"),
        ("azure-native:storage/v20230101:StorageAccount", "Azure storage account"),
        ("azure-native:dbforpostgresql:Server", "Azure PostgreSQL server"),
        ("azure-native:network:VirtualWan", "Azure network virtual wan"),
        ("aws:ec2/vpcIpamPool:VpcIpamPool", "AWS EC2 VPC IPAM pool"),
        ("aws:glue/crawler:Crawler", "AWS Glue crawler"),
        ("gcp:projects/iAMMember:IAMMember", "GCP projects IAM member"),
        ("net:tf:google_project_iam_member", "GCP projects IAM member"),
        ("docker:index/container:Container", "Docker container"),
        ("acme:platform:Cluster", "Acme platform cluster"),
        ("pulumi:providers:gcp", "GCP provider"),
        ("nonsense", "Nonsense"),
    ],
)
def test_the_name_of_a_type(type: str, words: str) -> None:
    assert kind(type).words == words


@pytest.mark.parametrize("type", ["", ":", "::", "a:b:c", "aws:", "kubernetes:", "kubernetes:/:", "é:ü:ß", "a/b/c:d"])
def test_every_type_has_a_name(type: str) -> None:
    assert isinstance(words_of(type), str)


STATEFUL = """
    aws:s3/bucket:Bucket aws:s3/bucketObjectv2:BucketObjectv2 aws:rds/instance:Instance aws:rds/cluster:Cluster
    aws:rds/snapshot:Snapshot aws:rds/clusterSnapshot:ClusterSnapshot aws:dynamodb/table:Table
    aws:efs/fileSystem:FileSystem aws:fsx/lustreFileSystem:LustreFileSystem aws:fsx/ontapFileSystem:OntapFileSystem
    aws:fsx/openZfsFileSystem:OpenZfsFileSystem aws:fsx/windowsFileSystem:WindowsFileSystem aws:ebs/volume:Volume
    aws:ebs/snapshot:Snapshot aws:elasticache/replicationGroup:ReplicationGroup aws:memorydb/cluster:Cluster
    aws:opensearch/domain:Domain aws:redshift/cluster:Cluster aws:msk/cluster:Cluster aws:kinesis/stream:Stream
    aws:timestreamwrite/table:Table aws:docdb/cluster:Cluster aws:neptune/cluster:Cluster aws:backup/vault:Vault
    aws:kms/key:Key aws:secretsmanager/secret:Secret aws:ssm/parameter:Parameter aws:cognito/userPool:UserPool
    aws:ecr/repository:Repository aws:glue/catalogTable:CatalogTable aws:sagemaker/featureGroup:FeatureGroup
    aws:sagemaker/modelPackageGroup:ModelPackageGroup aws:sagemaker/domain:Domain aws:cloudwatch/logGroup:LogGroup
    aws:athena/workgroup:Workgroup aws:eks/cluster:Cluster kubernetes:core/v1:PersistentVolumeClaim
    kubernetes:core/v1:PersistentVolume kubernetes:core/v1:Namespace kubernetes:core/v1:Secret
    kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition gcp:storage/bucket:Bucket gcp:bigquery/dataset:Dataset
    gcp:sql/databaseInstance:DatabaseInstance gcp:compute/disk:Disk gcp:container/cluster:Cluster
    gcp:spanner/database:Database azure-native:storage:StorageAccount azure-native:sql/v20230801:Database
    azure-native:documentdb:DatabaseAccount azure-native:keyvault:Vault azure-native:compute:Disk
    azure-native:dbforpostgresql:Server azure-native:resources:ResourceGroup azure:storage/account:Account
    aws-native:rds:DbInstance aws-native:s3:Bucket
""".split()  # noqa: SIM905 - a list of strings would take three times the lines


@pytest.mark.parametrize("type", STATEFUL)
def test_stateful_types_hold_data(type: str) -> None:
    assert kind(type).holds[0] is Holding.DATA


def test_accelerators_match_the_facts() -> None:
    """GPUs for graphics and video count too, since their capacity is scarce. Neuron and Gaudi are not GPUs."""
    patterns = re.compile("|".join(machines().accelerators))
    every = re.compile("|".join(machines().instances))
    known = [facts for name in instances._data()["types"] if (facts := instances.find(name))]
    assert known
    assert [each.name for each in known if not every.search(each.name)] == []
    assert [each.name for each in known if each.gpus and not patterns.search(each.name)] == []
    others = re.compile(r"^(trn|inf|dl|vt)\d")
    assert [
        each.name for each in known if not each.gpus and patterns.search(each.name) and not others.match(each.name)
    ] == []
    for name in ("p5.48xlarge", "g6e.2xlarge", "trn1.32xlarge", "inf2.xlarge", "ml.g5.xlarge", "p6-b200.48xlarge"):
        assert patterns.search(name) and every.search(name)
    for name in ("m7i.2xlarge", "r6g.large", "c7gn.xlarge", "i4g.large", "Standard_D4s_v5", "pg-1.2", "gp3"):
        assert not (patterns.search(name) and every.search(name))
