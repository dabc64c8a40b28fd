"""Identities, public addresses, sign-in and safeguards of Google Cloud and Azure."""

from typing import Any

from changes import change, plan, update
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.plan.model import Change, Op
from mlpctl.review.report.model import Harm
from mlpctl.review.values.plain import UNKNOWN

CLUSTER, POOL = "gcp:container/cluster:Cluster", "gcp:container/nodePool:NodePool"
NETWORK = "azure-native:network:"
CREDENTIALS = {
    "azure-native:managedidentity:FederatedIdentityCredential": "resourceName",
    "azure:armmsi/federatedIdentityCredential:FederatedIdentityCredential": "userAssignedIdentityId",
    "azuread:index/applicationFederatedIdentityCredential:ApplicationFederatedIdentityCredential": "applicationId",
}
ADDRESS, SIGN_IN, BLOCKS = "public address", "need no sign-in", "no longer blocks requests"
PERMISSIONS, FILTERS = "permissions change", "network security group no longer filters"


def text_of(*changes: Change) -> str:
    return " ".join(each.text for each in dangers(plan(*changes)) if each.harm is Harm.IDENTITY)


def nested(path: str, value: Any) -> dict[str, Any]:
    """Inputs with a value at a dotted path; a part that ends with `[]` is a list with one item."""
    for name in reversed(path.split(".")):
        value = {name.removesuffix("[]"): [value]} if name.endswith("[]") else {name: value}
    return dict(value)


WEAKENED: list[tuple[str, str, Any, Any, str]] = [
    (CLUSTER, "privateClusterConfig.enablePrivateNodes", True, False, ADDRESS),
    (CLUSTER, "binaryAuthorization.evaluationMode", "POLICY_BINDINGS", "DISABLED", "no longer checked"),
    (CLUSTER, "databaseEncryption.state", "ENCRYPTED", "DECRYPTED", "no longer encrypted"),
    (CLUSTER, "networkPolicy.enabled", True, False, "network policies no longer limit"),
    (CLUSTER, "workloadIdentityConfig", {"workloadPool": "p.svc.id.goog"}, None, "permissions of their nodes"),
    (CLUSTER, "enableShieldedNodes", None, False, "integrity"),
    (POOL, "nodeConfig.workloadMetadataConfig.mode", "GKE_METADATA", "GCE_METADATA", "permissions of their nodes"),
    ("gcp:compute/instance:Instance", "networkInterfaces[].accessConfigs", None, [{}], ADDRESS),
    ("gcp:compute/instanceTemplate:InstanceTemplate", "networkInterfaces[].accessConfigs", None, [{}], ADDRESS),
    ("gcp:compute/backendService:BackendService", "iap.enabled", True, False, SIGN_IN),
    ("gcp:compute/regionBackendService:RegionBackendService", "iap.enabled", True, None, SIGN_IN),
    ("gcp:cloudrunv2/service:Service", "iapEnabled", True, False, SIGN_IN),
    (
        "gcp:sql/databaseInstance:DatabaseInstance",
        "settings.ipConfiguration.sslMode",
        "ENCRYPTED_ONLY",
        "ALLOW_UNENCRYPTED_AND_ENCRYPTED",
        "may be unencrypted",
    ),
    ("gcp:storage/bucket:Bucket", "ipFilter.mode", "Enabled", "Disabled", "from all addresses"),
    (f"{NETWORK}Subnet", "networkSecurityGroup", {"id": "n"}, None, FILTERS),
    (f"{NETWORK}NetworkInterface", "networkSecurityGroup", {"id": "n"}, None, FILTERS),
    (f"{NETWORK}NetworkInterface", "ipConfigurations[].publicIPAddress", None, {"id": "p"}, ADDRESS),
    ("azure:network/networkInterface:NetworkInterface", "ipConfigurations[].publicIpAddressId", None, "p", ADDRESS),
    (f"{NETWORK}VirtualNetwork", "subnets[].networkSecurityGroup", {"id": "n"}, None, FILTERS),
    ("azure-native:app:ContainerApp", "configuration.ingress.external", False, True, "reachable from the internet"),
    ("azure:containerapp/app:App", "ingress.externalEnabled", False, True, "reachable from the internet"),
    (f"{NETWORK}WebApplicationFirewallPolicy", "policySettings.mode", "Prevention", "Detection", BLOCKS),
    ("azure:waf/policy:Policy", "policySettings.enabled", True, False, BLOCKS),
    ("azure-native:frontdoor:Policy", "policySettings.enabledState", "Enabled", "Disabled", BLOCKS),
    ("azure-native:web:WebAppAuthSettingsV2", "globalValidation.requireAuthentication", True, False, SIGN_IN),
    ("azure:appservice/linuxWebApp:LinuxWebApp", "authSettingsV2.requireAuthentication", True, None, SIGN_IN),
]


def test_a_weaker_setting_is_reported_and_a_stricter_one_is_not() -> None:
    for type, path, strict, weak, says in WEAKENED:
        old, new = nested(path, strict), nested(path, weak)
        assert text_of(update(type, old, new)).count(says) == 1, (type, path)
        assert says not in text_of(update(type, new, old)), (type, path)


IDENTITIES: list[tuple[str, str, Any, Any]] = [
    ("gcp:compute/instance:Instance", "serviceAccount", {"email": "a@p"}, {"email": "admin@p"}),
    (POOL, "nodeConfig.serviceAccount", "a@p", "admin@p"),
    (POOL, "nodeConfig.oauthScopes", ["storage-ro"], ["cloud-platform"]),
    ("gcp:cloudrunv2/job:Job", "template.template.serviceAccount", "a@p", "admin@p"),
    ("gcp:workbench/instance:Instance", "gceSetup.serviceAccounts", [{"email": "a@p"}], [{"email": "admin@p"}]),
    ("gcp:workflows/workflow:Workflow", "serviceAccount", "a@p", "admin@p"),
    ("azure-native:compute:VirtualMachine", "identity.userAssignedIdentities", ["a"], ["admin"]),
    ("azure:compute/linuxVirtualMachine:LinuxVirtualMachine", "identity.identityIds", ["a"], ["admin"]),
]


def test_a_workload_with_another_identity_has_other_permissions() -> None:
    for type, path, old, new in IDENTITIES:
        assert text_of(update(type, nested(path, old), nested(path, new))).count(PERMISSIONS) == 1, (type, path)
        assert text_of(change(type, Op.CREATE, inputs=nested(path, new))) == "", type


def test_external_identities_that_get_permissions_are_reported() -> None:
    inputs = {"issuer": "https://token.actions.githubusercontent.com", "subject": "repo:org/a:ref:refs/heads/main"}
    for type, parent in CREDENTIALS.items():
        assert "external identities" in text_of(update(type, inputs, {**inputs, "subject": "repo:org/a:pull_request"}))
        assert "another external" in text_of(change(type, Op.CREATE, inputs={**inputs, parent: "existing"})), type
        assert text_of(change(type, Op.CREATE, inputs={**inputs, parent: UNKNOWN})) == "", type


def test_roles_of_google_that_lead_to_other_permissions_are_reported() -> None:
    custom, member = "gcp:projects/iAMCustomRole:IAMCustomRole", "gcp:projects/iAMMember:IAMMember"
    for permission, told in (
        ("resourcemanager.projects.setIamPolicy", True),
        ("iam.serviceAccounts.getAccessToken", True),
        ("storage.objects.get", False),
    ):
        inputs = {"permissions": ["storage.buckets.get", permission]}
        assert ("can get other permissions" in text_of(change(custom, Op.CREATE, inputs=inputs))) is told, permission
        text = text_of(update(custom, {"permissions": ["storage.buckets.get"]}, inputs))
        assert ("can get other permissions" in text) is told and "with the role change" in text, permission
    for role, told in (("TokenCreator", True), ("KeyAdmin", True), ("Viewer", False)):
        inputs = {"project": "p", "role": f"roles/iam.serviceAccount{role}", "member": "group:ml@example.com"}
        assert ("every service account" in text_of(change(member, Op.CREATE, inputs=inputs))) is told, role
    account = {"role": "roles/iam.workloadIdentityUser", "member": "serviceAccount:p.svc.id.goog[default/default]"}
    for id, told in (("admin@p", True), (UNKNOWN, False)):
        new = change("gcp:serviceaccount/iAMMember:IAMMember", Op.CREATE, inputs={**account, "serviceAccountId": id})
        assert ("act as the service account" in text_of(new)) is told


def test_a_new_binding_of_something_that_exists_reports_the_access_of_principals() -> None:
    for type, target in (
        ("gcp:storage/bucketIAMMember:BucketIAMMember", "bucket"),
        ("gcp:secretmanager/secretIamMember:SecretIamMember", "secretId"),
        ("gcp:artifactregistry/repositoryIamMember:RepositoryIamMember", "repository"),
        ("gcp:cloudrunv2/serviceIamMember:ServiceIamMember", "name"),
    ):
        inputs = {"role": "roles/viewer", "member": "group:ml@example.com"}
        assert "another principal can use it" in text_of(change(type, Op.CREATE, inputs={**inputs, target: "existing"}))
        assert text_of(change(type, Op.CREATE, inputs={**inputs, target: UNKNOWN})) == "", type
        public = {**inputs, target: "existing", "member": "allUsers"}
        assert "another principal" not in text_of(change(type, Op.CREATE, inputs=public)), type


def test_exceptions_from_policies_and_audits_are_reported() -> None:
    for type in (
        "azure-native:authorization:PolicyExemption",
        "azure:core/subscriptionPolicyExemption:SubscriptionPolicyExemption",
    ):
        inputs = {"policyAssignmentId": "a", "exemptionCategory": "Waiver"}
        assert "exempt from the policy" in text_of(change(type, Op.CREATE, inputs=inputs))
        assert dangers(plan(change(type, Op.DELETE, inputs=inputs))) == ()
    every = {"auditLogConfigs": [{"logType": "DATA_READ"}]}
    some = {"auditLogConfigs": [{"logType": "DATA_READ", "exemptedMembers": ["user:x"]}]}
    assert "recorded change" in text_of(update("gcp:projects/iAMAuditConfig:IAMAuditConfig", every, some))


def test_network_policies_of_the_newer_data_plane_need_no_setting() -> None:
    old, new = ({"datapathProvider": "ADVANCED_DATAPATH", "networkPolicy": {"enabled": on}} for on in (True, False))
    assert text_of(update(CLUSTER, old, new)) == ""
