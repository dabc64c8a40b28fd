"""`mlplatform-eks-token`: the credential with which `kubectl` and Pulumi enter an EKS cluster, without the AWS CLI."""

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
"""What is signed as the request's life. EKS takes the token for 15 minutes from its signature."""

RENEW_AFTER = timedelta(minutes=14)
"""When the client asks for the next one: a minute before EKS refuses this one."""

API_VERSION = "client.authentication.k8s.io/v1"


class TokenError(Exception):
    """Why there is no token; the text is for the user."""


def token(cluster: str, region: str | None = None, role_arn: str | None = None) -> str:
    """A bearer token for the EKS cluster `cluster`, signed as the caller or as the role `role_arn`.

    Credentials, region and endpoint are those that the AWS SDK finds. Raises `TokenError` when one is missing, and
    botocore's errors when STS refuses the role.
    """
    session = botocore.session.get_session()
    region = region or os.environ.get("AWS_REGION") or session.get_config_variable("region")
    if not region:
        raise TokenError("no AWS region: give --region or set AWS_REGION")
    # botocore makes the methods of a client at run time.
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
    """What a client's exec plugin answers, in the version that the client asked for."""
    expires = (now + RENEW_AFTER).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": api_version,
        "kind": "ExecCredential",
        "status": {"token": bearer, "expirationTimestamp": expires},
    }


def main() -> int:
    """Print an `ExecCredential`; the exit code."""
    parser = argparse.ArgumentParser(
        prog="mlplatform-eks-token", description="Print a Kubernetes ExecCredential for an EKS cluster."
    )
    parser.add_argument("--cluster", required=True, help="name of the cluster")
    parser.add_argument("--region", help="its region; default: AWS_REGION or the profile's")
    parser.add_argument("--role-arn", help="IAM role to enter it as")
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


if __name__ == "__main__":
    sys.exit(main())
