"""Settings of single types that make a resource reachable for everybody, or that no longer require a sign-in."""

import json
from typing import Any

from changes import change, plan, update
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.plan.model import Op
from mlpctl.review.report.model import Harm

INGRESS = "kubernetes:networking.k8s.io/v1:Ingress"
ALB, NGINX = "alb.ingress.kubernetes.io/", "nginx.ingress.kubernetes.io/"
ME, ANYBODY = {"AWS": "arn:aws:iam::111122223333:role/a"}, "*"
FORWARD = {"type": "forward", "targetGroupArn": "t"}


def policy(principal: Any) -> dict[str, Any]:
    return {"policy": json.dumps({"Statement": [{"Effect": "Allow", "Principal": principal, "Action": "x:Get"}]})}


def ingress(annotation: str, old: str | None, new: str | None, says: str) -> tuple[str, Any, Any, str]:
    old_, new_ = (
        {"metadata": {"name": "i", "annotations": {} if each is None else {annotation: each}}} for each in (old, new)
    )
    return INGRESS, old_, new_, says


def aoss(public: bool, **fields: Any) -> dict[str, Any]:
    return {"type": "network", "policy": json.dumps([{"Rules": [], "AllowFromPublic": public}], **fields)}


CHANGED = [
    # AWS
    ("apigateway/restApi:RestApi", policy(ME), policy(ANYBODY), "anyone can call it"),
    ("apigateway/restApiPolicy:RestApiPolicy", policy(ME), policy(ANYBODY), "anyone can call it"),
    (
        "apigateway/restApi:RestApi",
        {"endpointConfiguration": {"types": "PRIVATE"}},
        {"endpointConfiguration": {"types": "EDGE"}},
        "reachable from the internet",
    ),
    ("apigateway/method:Method", {"apiKeyRequired": True}, {"apiKeyRequired": False}, "need no API key"),
    (
        "apprunner/service:Service",
        {"networkConfiguration": {"ingressConfiguration": {"isPubliclyAccessible": False}}},
        {"networkConfiguration": {}},
        "reachable from the internet",
    ),
    ("appsync/graphQLApi:GraphQLApi", {"visibility": "PRIVATE"}, {"visibility": "GLOBAL"}, "reachable from"),
    (
        "appsync/graphQLApi:GraphQLApi",
        {"authenticationType": "AWS_IAM"},
        {"authenticationType": "API_KEY"},
        "only an API key",
    ),
    (
        "mwaa/environment:Environment",
        {"webserverAccessMode": "PRIVATE_ONLY"},
        {"webserverAccessMode": "PUBLIC_AND_PRIVATE"},
        "reachable from the internet",
    ),
    ("transfer/server:Server", {"endpointType": "VPC"}, {}, "reachable from the internet"),
    ("transfer/server:Server", {"protocols": ["FTPS"]}, {"protocols": ["FTP", "FTPS"]}, "may not be encrypted"),
    ("lightsail/database:Database", {}, {"publiclyAccessible": True}, "gets a public address"),
    ("m2/environment:Environment", {}, {"publiclyAccessible": True}, "gets a public address"),
    ("neptunegraph/graph:Graph", {}, {"publicConnectivity": True}, "reachable from the internet"),
    (
        "eks/nodeGroup:NodeGroup",
        {"remoteAccess": {"ec2SshKey": "k", "sourceSecurityGroupIds": ["sg-1"]}},
        {"remoteAccess": {"ec2SshKey": "k"}},
        "whole internet can connect to its nodes",
    ),
    ("s3/objectCopy:ObjectCopy", {"acl": "private"}, {"acl": "public-read"}, "anyone can read it"),
    (
        "ec2/vpcEndpointService:VpcEndpointService",
        {"acceptanceRequired": False, "allowedPrincipals": ["arn:aws:iam::1:root"]},
        {"acceptanceRequired": False, "allowedPrincipals": ["*"]},
        "anyone with an AWS account",
    ),
    (
        "emr/blockPublicAccessConfiguration:BlockPublicAccessConfiguration",
        {"blockPublicSecurityGroupRules": True},
        {"blockPublicSecurityGroupRules": False},
        "may be created",
    ),
    (
        "ec2/instanceMetadataDefaults:InstanceMetadataDefaults",
        {"httpTokens": "required"},
        {"httpTokens": "no-preference"},
        "without a session token",
    ),
    ("elasticache/user:User", {}, {"noPasswordRequired": True}, "need no password"),
    (
        "elasticache/user:User",
        {"authenticationMode": {"type": "iam"}},
        {"authenticationMode": {"type": "no-password-required"}},
        "need no password",
    ),
    ("memorydb/user:User", {"accessString": "on ~a* +get"}, {"accessString": "on ~* +@all"}, "every command"),
    (
        "cognito/userPool:UserPool",
        {"adminCreateUserConfig": {"allowAdminCreateUserOnly": True}},
        {"adminCreateUserConfig": {"allowAdminCreateUserOnly": False}},
        "anyone can sign up",
    ),
    (
        "lb/listener:Listener",
        {"defaultActions": [{"type": "authenticate-oidc"}, FORWARD]},
        {"defaultActions": [FORWARD]},
        "no longer need a sign-in",
    ),
    (
        "alb/listenerRule:ListenerRule",
        {"actions": [{"type": "authenticate-cognito"}, FORWARD]},
        {"actions": [FORWARD]},
        "no longer need a sign-in",
    ),
    (
        "lb/listener:Listener",
        {"defaultActions": [{"type": "authenticate-oidc", "authenticateOidc": {"onUnauthenticatedRequest": "deny"}}]},
        {"defaultActions": [{"type": "authenticate-oidc", "authenticateOidc": {"onUnauthenticatedRequest": "allow"}}]},
        "no longer need a sign-in",
    ),
    ("lb/listener:Listener", {"mutualAuthentication": {"mode": "verify"}}, {}, "certificates of clients"),
    ("opensearch/serverlessSecurityPolicy:ServerlessSecurityPolicy", aoss(False), aoss(True, indent=1), "reachable"),
    ("vpclattice/service:Service", {"authType": "AWS_IAM"}, {"authType": "NONE"}, "anyone in its networks"),
    ("vpclattice/authPolicy:AuthPolicy", policy(ME), policy(ANYBODY), "anyone in its networks"),
    (
        "storagegateway/nfsFileShare:NfsFileShare",
        {"clientLists": ["10.0.0.0/8"]},
        {"clientLists": ["0.0.0.0/0"]},
        "any client",
    ),
    ("aws-native:apigateway:RestApi", {"policy": json.loads(policy(ME)["policy"])}, policy(ANYBODY), "can call it"),
    (
        "aws-native:apigateway:RestApi",
        {"endpointConfiguration": {"types": ["PRIVATE"]}},
        {"endpointConfiguration": {"types": ["REGIONAL"]}},
        "reachable from the internet",
    ),
    (
        "aws-native:elasticloadbalancingv2:ListenerRule",
        {"actions": [{"type": "authenticate-oidc"}, FORWARD]},
        {"actions": [FORWARD]},
        "no longer need a sign-in",
    ),
    ("aws-native:opensearchserverless:SecurityPolicy", aoss(False), aoss(True), "reachable from the internet"),
    ("aws-native:mwaa:Environment", {}, {"webserverAccessMode": "PUBLIC_ONLY"}, "web server is reachable"),
    ("aws-native:neptunegraph:Graph", {}, {"publicConnectivity": True}, "reachable from the internet"),
    ("aws-native:transfer:Server", {"endpointType": "VPC"}, {"endpointType": "PUBLIC"}, "reachable from the internet"),
    # Google
    (
        "gcp:container/cluster:Cluster",
        {"controlPlaneEndpointsConfig": {"dnsEndpointConfig": {"allowExternalTraffic": False}}},
        {"controlPlaneEndpointsConfig": {"dnsEndpointConfig": {"allowExternalTraffic": True}}},
        "API is reachable from the internet",
    ),
    (
        "gcp:alloydb/instance:Instance",
        {"networkConfig": {"enablePublicIp": False}},
        {"networkConfig": {"enablePublicIp": True}},
        "gets a public address",
    ),
    # Azure
    ("azure-native:cosmosdb:DatabaseAccount", {"ipRules": [{"ipAddressOrRange": "1.1.1.1"}]}, {}, "whole internet"),
    (
        "azure-native:documentdb:DatabaseAccount",
        {"ipRules": [{"ipAddressOrRange": "1.1.1.1"}]},
        {"ipRules": [{"ipAddressOrRange": "0.0.0.0"}]},
        "all of Azure",
    ),
    ("azure:cosmosdb/account:Account", {"ipRangeFilters": ["1.1.1.1"]}, {"ipRangeFilters": []}, "whole internet"),
    (
        "azure-native:dbforpostgresql:Server",
        {"network": {"publicNetworkAccess": "Disabled"}},
        {"network": {"publicNetworkAccess": "Enabled"}},
        "reachable from the internet",
    ),
    ("azure-native:sql:ManagedInstance", {}, {"publicDataEndpointEnabled": True}, "reachable from the internet"),
    (
        "azure-native:storage:StorageAccount",
        {"networkRuleSet": {"defaultAction": "Deny", "ipRules": [{"iPAddressOrRange": "1.2.3.4"}]}},
        {
            "networkRuleSet": {
                "defaultAction": "Deny",
                "ipRules": [{"iPAddressOrRange": "0.0.0.0/1"}, {"iPAddressOrRange": "128.0.0.0/1"}],
            }
        },
        "whole internet can connect",
    ),
    (
        "azure-native:keyvault:Vault",
        {"properties": {"networkAcls": {"defaultAction": "Deny", "ipRules": []}}},
        {"properties": {"networkAcls": {"defaultAction": "Deny", "ipRules": [{"value": "0.0.0.0/0"}]}}},
        "whole internet can connect",
    ),
    (
        "azure:storage/accountNetworkRules:AccountNetworkRules",
        {"defaultAction": "Deny", "ipRules": ["1.2.3.4"]},
        {"defaultAction": "Deny", "ipRules": ["0.0.0.0/0"]},
        "whole internet can connect",
    ),
    ("azure:search/service:Service", {"allowedIps": ["1.2.3.4"]}, {}, "whole internet can connect"),
    (
        "azure-native:mongocluster:FirewallRule",
        {"properties": {"startIpAddress": "1.1.1.1", "endIpAddress": "1.1.1.1"}},
        {"properties": {"startIpAddress": "0.0.0.0", "endIpAddress": "0.0.0.0"}},
        "all of Azure",
    ),
    # Kubernetes
    ingress(ALB + "inbound-cidrs", "10.0.0.0/8", "10.0.0.0/8, 0.0.0.0/0", "the whole internet is an allowed source"),
    ingress(ALB + "inbound-cidrs", "10.0.0.0/8", None, "the whole internet is an allowed source"),
    ingress(NGINX + "whitelist-source-range", "10.0.0.0/8", None, "the whole internet is an allowed source"),
    ingress(NGINX + "allowlist-source-range", "10.0.0.0/8", "0.0.0.0/0", "the whole internet is an allowed source"),
    ingress(ALB + "wafv2-acl-arn", "arn", None, "no longer filtered"),
    ingress(ALB + "auth-type", "oidc", "none", "no longer need a sign-in"),
    ingress(NGINX + "auth-url", "https://x", None, "no longer need a sign-in"),
    ingress(NGINX + "auth-type", "basic", None, "no longer need a password"),
    ingress(NGINX + "auth-tls-secret", "ns/ca", None, "certificates of clients"),
    ingress(NGINX + "enable-modsecurity", "true", "false", "no longer filtered"),
]

CREATED = [
    ("s3/bucketObjectv2:BucketObjectv2", {"bucket": "b", "key": "k", "acl": "public-read"}, "anyone can read it"),
    ("eks/nodeGroup:NodeGroup", {"clusterName": "c", "remoteAccess": {"ec2SshKey": "k"}}, "whole internet can connect"),
    (
        "ec2/vpcEndpointServiceAllowedPrinciple:VpcEndpointServiceAllowedPrinciple",
        {"vpcEndpointServiceId": "vpce-svc-1", "principalArn": "*"},
        "anyone with an AWS account",
    ),
    ("opensearch/serverlessSecurityPolicy:ServerlessSecurityPolicy", aoss(True), "reachable from the internet"),
    ("cognito/identityPool:IdentityPool", {"allowUnauthenticatedIdentities": True}, "anyone gets the credentials"),
    ("aws-native:eks:Nodegroup", {"remoteAccess": {"ec2SshKey": "k"}}, "whole internet can connect"),
    ("aws-native:cognito:IdentityPool", {"allowUnauthenticatedIdentities": True}, "anyone gets the credentials"),
    ("storagegateway/smbFileShare:SmbFileShare", {"authentication": "GuestAccess"}, "guest password"),
    (
        "azure-native:sql:FirewallRule",
        {"serverName": "s", "startIpAddress": "0.0.0.0", "endIpAddress": "0.0.0.0"},
        "all of Azure, including other customers",
    ),
    (
        "azure:postgresql/flexibleServerFirewallRule:FlexibleServerFirewallRule",
        {"serverId": "s", "startIpAddress": "0.0.0.0", "endIpAddress": "0.0.0.0"},
        "all of Azure, including other customers",
    ),
]

HARMLESS = [
    ("ec2/vpcEndpointService:VpcEndpointService", {"acceptanceRequired": True, "allowedPrincipals": ["*"]}),
    ("eks/nodeGroup:NodeGroup", {"remoteAccess": {"ec2SshKey": "k", "sourceSecurityGroupIds": ["sg-1"]}}),
    ("opensearch/serverlessSecurityPolicy:ServerlessSecurityPolicy", aoss(False)),
    ("apigateway/restApi:RestApi", policy(ANYBODY)),
    (INGRESS, {"metadata": {"name": "i"}}),
]


def typed(type: str) -> str:
    return type if ":" in type.split("/")[0] else f"aws:{type}"


def text_of(*changes: Any) -> str:
    return " ".join(each.text for each in dangers(plan(*changes)) if each.harm is Harm.IDENTITY)


def test_a_resource_that_becomes_reachable_is_reported_and_one_that_no_longer_is_not() -> None:
    for type, old, new, says in CHANGED:
        assert says in text_of(update(typed(type), old, new)), (type, new)
        assert says not in text_of(update(typed(type), new, old)), (type, old)


def test_a_new_resource_that_admits_everybody_is_reported() -> None:
    for type, inputs, says in CREATED:
        assert says in text_of(change(typed(type), Op.CREATE, inputs=inputs)), type
    for type, inputs in HARMLESS:
        assert text_of(change(typed(type), Op.CREATE, inputs=inputs)) == "", type


def test_an_internal_load_balancer_admits_no_internet() -> None:
    internal = {ALB + "scheme": "internal"}
    old = {"metadata": {"annotations": {**internal, ALB + "inbound-cidrs": "10.0.0.0/8"}}}
    text = text_of(update(INGRESS, old, {"metadata": {"annotations": internal}}))
    assert "internet" not in text
    assert "the allowed sources change" in text


def test_an_accepted_connection_is_needed_where_the_service_says_so() -> None:
    service = "aws:ec2/vpcEndpointService:VpcEndpointService"
    allowed = "aws:ec2/vpcEndpointServiceAllowedPrinciple:VpcEndpointServiceAllowedPrinciple"
    owner = change(service, Op.SAME, name="svc", inputs={"acceptanceRequired": True})
    given = {"vpcEndpointServiceId": "vpce-svc-1", "principalArn": "*"}
    new = change(allowed, Op.CREATE, inputs=given, depends={"vpcEndpointServiceId": (owner.urn,)})
    assert text_of(owner, new) == ""
