"""Administrative roles, public access, backups and monitoring of all clouds."""

from typing import Any

import pytest

from changes import change, plan, update
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.plan.model import Op
from mlpctl.review.report.model import Harm

WHO, DATA, KEPT = Harm.IDENTITY, Harm.DATA, Harm.PROTECTION
GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
OWNER = "/providers/Microsoft.Authorization/roleDefinitions/8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
READER = "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"


def harms(made: Any) -> set[Harm]:
    return {each.harm for each in dangers(plan(made))}


@pytest.mark.parametrize(
    ("type", "inputs"),
    [
        ("azuread:index/directoryRoleAssignment:DirectoryRoleAssignment", {"roleId": GLOBAL_ADMINISTRATOR}),
        (
            "azuread:index/directoryRoleEligibilityScheduleRequest:DirectoryRoleEligibilityScheduleRequest",
            {"roleDefinitionId": GLOBAL_ADMINISTRATOR},
        ),
        ("azure:pim/eligibleRoleAssignment:EligibleRoleAssignment", {"roleDefinitionId": OWNER}),
        ("azure:pim/activeRoleAssignment:ActiveRoleAssignment", {"roleDefinitionId": OWNER}),
        ("azure-native:authorization:RoleEligibilityScheduleRequest", {"roleDefinitionId": OWNER}),
        ("azure-native:authorization:RoleAssignmentScheduleRequest", {"roleDefinitionId": OWNER}),
        ("azure-native:authorization:PimRoleEligibilitySchedule", {"roleDefinitionId": OWNER}),
        ("azure-native:storage:BlobContainer", {"publicAccess": "Blob"}),
        ("azure:storage/container:Container", {"containerAccessType": "container"}),
    ],
)
def test_a_new_administrative_role_or_public_container_is_a_danger(type: str, inputs: Any) -> None:
    assert harms(change(type, Op.CREATE, inputs=inputs)) == {WHO}
    assert WHO in harms(update(type, dict.fromkeys(inputs, "other"), inputs))


@pytest.mark.parametrize(
    ("type", "inputs"),
    [
        ("azure:pim/eligibleRoleAssignment:EligibleRoleAssignment", {"roleDefinitionId": READER}),
        ("azure-native:storage:BlobContainer", {"publicAccess": "None"}),
        (
            "azuread:index/directoryRoleAssignment:DirectoryRoleAssignment",
            {"roleId": "88d8e3e3-8f55-4a1e-953a-9b9898b8876b"},
        ),
    ],
)
def test_other_roles_and_private_containers_are_no_danger(type: str, inputs: Any) -> None:
    assert harms(change(type, Op.CREATE, inputs=inputs)) == set()


CHANGED: list[tuple[str, Any, Any, Harm]] = [
    ("aws:iam/groupMembership:GroupMembership", {"users": ["a"]}, {"users": ["a", "b"]}, WHO),
    ("aws:iam/userGroupMembership:UserGroupMembership", {"groups": ["dev"]}, {"groups": ["dev", "admins"]}, WHO),
    ("azure-native:cosmos:Account", {"publicNetworkAccess": "Disabled"}, {"publicNetworkAccess": "Enabled"}, WHO),
    ("azure-native:documentdb:MongoCluster", {"publicNetworkAccess": "Disabled"}, {}, WHO),
    ("azure:mssql/server:Server", {"publicNetworkAccessEnabled": False}, {"publicNetworkAccessEnabled": True}, WHO),
    ("azure:redis/cache:Cache", {"publicNetworkAccessEnabled": False}, {}, WHO),
    ("azure-native:sql:LongTermRetentionPolicy", {"weeklyRetention": "P12W"}, {"weeklyRetention": "P1W"}, DATA),
    (
        "azure:mssql/database:Database",
        {"longTermRetentionPolicy": {"yearlyRetention": "P5Y"}},
        {"longTermRetentionPolicy": {"yearlyRetention": "P1Y"}},
        DATA,
    ),
    (
        "gcp:accesscontextmanager/servicePerimeter:ServicePerimeter",
        {"status": {"restrictedServices": ["storage.googleapis.com", "b"]}},
        {"status": {"restrictedServices": ["b"]}},
        WHO,
    ),
    (
        "gcp:accesscontextmanager/servicePerimeter:ServicePerimeter",
        {"status": {"resources": ["projects/1"]}},
        {"status": {"resources": []}},
        WHO,
    ),
    (
        "gcp:compute/securityPolicy:SecurityPolicy",
        {"rules": [{"action": "deny(403)", "priority": 1}]},
        {"rules": [{"action": "allow", "priority": 1}]},
        WHO,
    ),
    ("gcp:compute/backendService:BackendService", {"securityPolicy": "waf"}, {}, WHO),
    ("aws:cfg/recorderStatus:RecorderStatus", {"isEnabled": True}, {"isEnabled": False}, WHO),
    ("aws:guardduty/detector:Detector", {"enable": True}, {"enable": False}, WHO),
    (
        "aws:ebs/snapshotBlockPublicAccess:SnapshotBlockPublicAccess",
        {"state": "block-all-sharing"},
        {"state": "unblocked"},
        WHO,
    ),
    (
        "aws:ec2/imageBlockPublicAccess:ImageBlockPublicAccess",
        {"state": "block-new-sharing"},
        {"state": "unblocked"},
        WHO,
    ),
]


@pytest.mark.parametrize(("type", "old", "new", "harm"), CHANGED)
def test_a_weaker_safeguard_is_a_danger(type: str, old: Any, new: Any, harm: Harm) -> None:
    assert harms(update(type, old, new)) == {harm}
    assert harms(update(type, old, old)) == set()


DELETED: list[tuple[str, Harm]] = [
    ("azure-native:storage:ImmutabilityPolicy", KEPT),
    ("azure:storage/containerImmutabilityPolicy:ContainerImmutabilityPolicy", KEPT),
    ("azure-native:dataprotection:BackupInstance", DATA),
    ("azure:dataprotection/backupInstanceBlobStorage:BackupInstanceBlobStorage", DATA),
    ("gcp:gkebackup/backupPlan:BackupPlan", DATA),
    ("gcp:healthcare/fhirStore:FhirStore", DATA),
    ("gcp:healthcare/dataset:Dataset", DATA),
    ("gcp:discoveryengine/dataStore:DataStore", DATA),
    ("gcp:vmwareengine/privateCloud:PrivateCloud", DATA),
    ("azure-native:healthcareapis:FhirService", DATA),
    ("azure:healthcare/fhirService:FhirService", DATA),
    ("gcp:accesscontextmanager/servicePerimeter:ServicePerimeter", WHO),
    ("gcp:compute/securityPolicy:SecurityPolicy", WHO),
    ("aws:cfg/recorderStatus:RecorderStatus", WHO),
    ("aws:ebs/snapshotBlockPublicAccess:SnapshotBlockPublicAccess", WHO),
    ("aws:ec2/imageBlockPublicAccess:ImageBlockPublicAccess", WHO),
]


@pytest.mark.parametrize(("type", "harm"), DELETED)
def test_a_deleted_safeguard_or_store_is_a_danger(type: str, harm: Harm) -> None:
    assert harms(change(type, Op.DELETE, inputs={"name": "x"})) == {harm}
