"""Settings of all clouds that make data public."""

from typing import Any

import pytest

from changes import change, plan, update
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.plan.model import Op
from mlpctl.review.report.model import Harm


def text_of(*changes: Any) -> str:
    return " ".join(each.text for each in dangers(plan(*changes)) if each.harm is Harm.IDENTITY)


def acls(action: str) -> Any:
    return {"networkAcls": {"defaultAction": action, "bypass": "AzureServices"}}


DENY, INTERNAL = acls("Deny"), "INGRESS_TRAFFIC_INTERNAL_ONLY"
CASES: dict[str, tuple[str, Any, Any, str]] = {
    "container": (
        "azure-native:storage:BlobContainer",
        {"publicAccess": "None"},
        {"publicAccess": "Container"},
        "read",
    ),
    "blobs": ("azure-native:storage:BlobContainer", {"publicAccess": "None"}, {"publicAccess": "Blob"}, "read"),
    "classic container": (
        "azure:storage/container:Container",
        {"containerAccessType": "private"},
        {"containerAccessType": "blob"},
        "anyone can read",
    ),
    "registry": (
        "azure-native:containerregistry:Registry",
        {"anonymousPullEnabled": False},
        {"anonymousPullEnabled": True},
        "anyone can pull",
    ),
    "signed in": (
        "aws:s3/bucketAcl:BucketAcl",
        {"acl": "private"},
        {"acl": "authenticated-read"},
        "anyone can read",
    ),
    "public": ("aws:s3/bucketAcl:BucketAcl", {"acl": "private"}, {"acl": "public-read"}, "anyone can read"),
    "newer list": ("aws:s3/bucketAclV2:BucketAclV2", {"acl": "private"}, {"acl": "public-read"}, "anyone can read"),
    "snapshot": ("aws:rds/snapshot:Snapshot", {}, {"sharedAccounts": ["all"]}, "anyone can copy"),
    "cluster snapshot": ("aws:rds/clusterSnapshot:ClusterSnapshot", {}, {"sharedAccounts": ["all"]}, "anyone can"),
    "document": (
        "aws:ssm/document:Document",
        {"name": "a"},
        {"name": "a", "permissions": {"type": "Share", "accountIds": "All"}},
        "anyone can use it",
    ),
    "code": ("github:index/repository:Repository", {"visibility": "private"}, {"visibility": "public"}, "can read it"),
    "older code": (
        "github:index/repository:Repository",
        {"private": True},
        {"private": False},
        "anyone can read it",
    ),
    "project": (
        "gitlab:index/project:Project",
        {"visibilityLevel": "private"},
        {"visibilityLevel": "public"},
        "anyone can read it",
    ),
    "vault": (
        "azure-native:keyvault:Vault",
        {"properties": DENY},
        {"properties": acls("Allow")},
        "all networks can connect",
    ),
    "a vault without rules": ("azure-native:keyvault:Vault", {"properties": DENY}, {"properties": {}}, "all networks"),
    "classic vault": ("azure:keyvault/keyVault:KeyVault", DENY, acls("Allow"), "all networks can connect"),
    "storage": (
        "azure:storage/account:Account",
        {"networkRules": {"defaultAction": "Deny"}},
        {"networkRules": {"defaultAction": "Allow"}},
        "all networks can connect",
    ),
    "Cloud Run": (
        "gcp:cloudrunv2/service:Service",
        {"ingress": INTERNAL},
        {"ingress": "INGRESS_TRAFFIC_ALL"},
        "is reachable from the internet",
    ),
    "functions": (
        "gcp:cloudfunctionsv2/function:Function",
        {"serviceConfig": {"ingressSettings": "ALLOW_INTERNAL_ONLY"}},
        {"serviceConfig": {"ingressSettings": "ALLOW_ALL"}},
        "is reachable from the internet",
    ),
    "signed requests": (
        "aws:cloudfront/distribution:Distribution",
        {"defaultCacheBehavior": {"trustedKeyGroups": ["k"], "targetOriginId": "a"}},
        {"defaultCacheBehavior": {"targetOriginId": "a"}},
        "required signed requests",
    ),
    "firewall": (
        "aws:wafv2/webAcl:WebAcl",
        {"defaultAction": {"block": {}}},
        {"defaultAction": {"allow": {}}},
        "that matches no rule is allowed",
    ),
    "older firewall": (
        "aws:waf/webAcl:WebAcl",
        {"defaultAction": {"type": "BLOCK"}},
        {"defaultAction": {"type": "ALLOW"}},
        "that matches no rule is allowed",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_change_that_makes_data_public_is_reported_and_its_reverse_is_not(case: str) -> None:
    type, old, new, says = CASES[case]
    assert says in text_of(update(type, old, new))
    assert says not in text_of(update(type, new, old))


@pytest.mark.parametrize("case", ["snapshot", "cluster snapshot", "document"])
def test_a_new_public_resource_is_reported(case: str) -> None:
    type, old, new, says = CASES[case]
    assert says in text_of(change(type, Op.CREATE, inputs=new))
    assert text_of(change(type, Op.CREATE, inputs=old)) == ""
