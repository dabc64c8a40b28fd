"""The table of kinds: words, holdings, and that its types and properties are real ones."""

import fnmatch
import importlib.util
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from awsfacts import instances
from mlpctl.review import retention
from mlpctl.review.kinds import Holding, is_listed, kind, short_type, table, words_of
from mlpctl.review.watched import harms

GOLDEN = Path(__file__).parents[2] / "golden"

HOLD_NOTHING = {
    "aws:autoscaling/tag:Tag",
    "aws:ec2/flowLog:FlowLog",
    "aws:ec2/launchTemplate:LaunchTemplate",
    "aws:ecr/lifecyclePolicy:LifecyclePolicy",
    "aws:ecr/registryScanningConfiguration:RegistryScanningConfiguration",
    "aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate",
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
    "kubernetes:core/v1:LimitRange",
    "kubernetes:core/v1:ResourceQuota",
}
"""Types of our stacks whose going destroys nothing by itself."""


def declared() -> set[str]:
    """Every type of our stacks."""
    types = set()
    for path in GOLDEN.glob("plan-of-*.json"):
        text, decoder, at = path.read_text(), json.JSONDecoder(), 0
        while at < len(text):
            found, at = decoder.raw_decode(text, at)
            types.add(found["type"])
            at += len(text[at:]) - len(text[at:].lstrip())
    return types


@pytest.mark.parametrize("type", sorted(declared()))
def test_every_type_of_our_stacks_has_words_and_a_holding_of_its_own(type: str) -> None:
    assert is_listed(type)
    if not type.startswith(("mlplatform:", "pulumi:")):
        assert bool(kind(type).holds) == (type not in HOLD_NOTHING)


def test_our_components_are_all_in_the_table() -> None:
    import mlplatform

    components = {each for each in mlplatform.__all__ if f"{each}Args" in mlplatform.__all__}
    listed = {type for row in table() for type in row.types if type.startswith("mlplatform:")}
    assert listed == {f"mlplatform:index:{each}" for each in components}


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
        ("docker:index/container:Container", "Docker container"),
        ("acme:platform:Cluster", "Acme platform cluster"),
        ("pulumi:providers:gcp", "GCP provider"),
        ("nonsense", "Nonsense"),
    ],
)
def test_words_for_a_type(type: str, words: str) -> None:
    assert kind(type).words == words


@pytest.mark.parametrize("type", ["", ":", "::", "a:b:c", "aws:", "kubernetes:", "kubernetes:/:", "é:ü:ß", "a/b/c:d"])
def test_words_are_made_of_any_type(type: str) -> None:
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
def test_what_is_stateful_holds_data(type: str) -> None:
    assert kind(type).holds[0] is Holding.DATA


@cache
def sdk() -> Mapping[str, Path]:
    """Every resource type of the AWS SDK, as the table writes it, and the file of its class."""
    folder = Path(str(importlib.util.find_spec("pulumi_aws").origin)).parent  # type: ignore[union-attr] - it is installed
    text = (folder / "__init__.py").read_text()
    modules = re.findall(r'"mod": "([^"]+)",\s*"fqn": "([^"]+)",\s*"classes": \{\s*"([^"]+)"', text)
    written = {
        (each.parent.name, each.stem.replace("_", "")): each for each in folder.rglob("*.py") if each.parent != folder
    }
    return {
        short_type(type): written[fqn.rsplit(".", 1)[-1], mod.rsplit("/", 1)[-1].replace("_", "").lower()]
        for mod, fqn, type in modules
        if (fqn.rsplit(".", 1)[-1], mod.rsplit("/", 1)[-1].replace("_", "").lower()) in written
    }


def aws_patterns() -> list[str]:
    rows = [*table(), *harms().watches, *retention.table()]
    return sorted(
        {type for row in rows for type in row.types if type.startswith("aws:")}
        | {each for each in harms().carriers if each.startswith("aws:")}
    )


@pytest.mark.parametrize("pattern", aws_patterns())
def test_every_aws_type_of_the_tables_is_one_of_the_sdk(pattern: str) -> None:
    assert fnmatch.filter(sdk(), pattern)


def properties(type: str) -> set[str]:
    """Inputs and outputs of a type of the AWS SDK."""
    text = sdk()[type].read_text()
    return {*re.findall(r'getter\(name="(\w+)"\)', text), *re.findall(r"^    def (\w+)\(self\)", text, re.M)}


def test_every_property_of_an_aws_type_is_one_of_the_sdk() -> None:
    """A row of several types names what each of them calls it: one of them has to have it."""
    wanted = (
        [
            (row.types, {*row.facts, row.part_of, *row.unless, *(path for note in row.notes for path in note.when)})
            for row in table()
        ]
        + [
            (watched.types, {path for each in watched.watch for path in (each.property, each.created, *each.when)})
            for watched in harms().watches
        ]
        + [(row.types, {*row.when, *row.present}) for row in retention.table()]
    )
    wanted = [(types, paths - {""}) for types, paths in wanted if types and set(types) <= set(sdk())]
    assert wanted
    unknown = [
        (types, path)
        for types, paths in wanted
        for path in paths
        if not any(root(path) in properties(each) for each in types)
    ]
    assert unknown == []


def root(path: str) -> str:
    return re.split(r"[.\[]", path)[0]


def test_no_type_is_in_the_table_twice() -> None:
    types = [type for row in table() for type in row.types]
    assert len(types) == len(set(types))


def test_accelerators_are_those_of_the_facts() -> None:
    """GPUs for graphics and video count too: what is scarce is the card. Neuron and Gaudi are not among GPUs."""
    patterns = re.compile("|".join(harms().accelerators))
    every = re.compile("|".join(harms().instances))
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
