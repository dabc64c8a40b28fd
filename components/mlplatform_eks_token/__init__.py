"""`mlplatform-eks-token`: the credential that `kubectl` and Pulumi use for an EKS cluster, without the AWS CLI."""

import argparse
import base64
import json
import os
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.session
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError

EXPIRES_S = 60
"""Validity of the signed request. EKS accepts the token for 15 minutes after it is signed."""

RENEW_AFTER = timedelta(minutes=14)
"""The client requests the next token after this time, a minute before EKS rejects this one."""

API_VERSION = "client.authentication.k8s.io/v1"


class TokenError(Exception):
    """No token could be created. The text is for the user."""


def token(cluster: str, region: str | None = None, role_arn: str | None = None) -> str:
    """A bearer token for the EKS cluster `cluster`, signed as the caller or as the role `role_arn`.

    The AWS SDK determines credentials, region and endpoint. Raises `TokenError` if one is missing, and botocore's
    errors if STS rejects the role.
    """
    session = botocore.session.get_session()
    region = region or os.environ.get("AWS_REGION") or session.get_config_variable("region")
    if not region:
        raise TokenError("no AWS region: use --region or set AWS_REGION")
    # botocore creates the methods of a client at run time.
    sts: Any = session.create_client("sts", region_name=region)
    credentials = session.get_credentials()
    if credentials is None:
        raise TokenError("no AWS credentials: set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    if role_arn:
        assumed = sts.assume_role(RoleArn=role_arn, RoleSessionName="mlplatform-eks-token")["Credentials"]
        credentials = Credentials(assumed["AccessKeyId"], assumed["SecretAccessKey"], assumed["SessionToken"])
    request = AWSRequest(
        "GET",
        f"{sts.meta.endpoint_url.rstrip('/')}/?Action=GetCallerIdentity&Version=2011-06-15",
        headers={"x-k8s-aws-id": cluster},
    )
    SigV4QueryAuth(credentials, "sts", region, expires=EXPIRES_S).add_auth(request)
    return "k8s-aws-v1." + base64.urlsafe_b64encode(str(request.url).encode()).decode().rstrip("=")


def exec_credential(bearer: str, api_version: str, now: datetime) -> dict[str, Any]:
    """The result of an exec plugin, in the API version that the client requested."""
    expires = (now + RENEW_AFTER).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": api_version,
        "kind": "ExecCredential",
        "status": {"token": bearer, "expirationTimestamp": expires},
    }


def main() -> int:
    """Print an `ExecCredential` and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="mlplatform-eks-token", description="Print a Kubernetes ExecCredential for an EKS cluster."
    )
    parser.add_argument("--cluster", required=True, help="name of the cluster")
    parser.add_argument("--region", help="its region; default: AWS_REGION or the profile's")
    parser.add_argument("--role-arn", help="IAM role to sign in as")
    options = parser.parse_args()
    try:
        bearer = token(options.cluster, options.region, options.role_arn)
    except (TokenError, BotoCoreError, ClientError) as problem:
        print(f"mlplatform-eks-token: no token for the cluster {options.cluster}: {problem}", file=sys.stderr)
        return 1
    print(json.dumps(exec_credential(bearer, _api_version(), datetime.now(UTC))))
    return 0


def _api_version() -> str:
    try:
        asked = json.loads(os.environ.get("KUBERNETES_EXEC_INFO", "{}")).get("apiVersion")
    except (ValueError, AttributeError):
        return API_VERSION
    return asked if asked in (API_VERSION, f"{API_VERSION}beta1") else API_VERSION
