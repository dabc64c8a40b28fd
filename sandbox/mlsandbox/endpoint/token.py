"""EKS's bearer tokens: a presigned STS request with the cluster name in a signed header.

The checks are those of EKS: https://github.com/kubernetes-sigs/aws-iam-authenticator.
"""

import base64
import binascii
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit

from botocore.auth import SIGV4_TIMESTAMP, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

PREFIX = "k8s-aws-v1."
CLUSTER_HEADER = "x-k8s-aws-id"

LIFETIME = timedelta(minutes=15)
"""How long a token is valid after its signature date, regardless of `X-Amz-Expires`."""

MAX_EXPIRES_S = 900
CLOCK_SKEW = timedelta(minutes=5)
"""How far in the future a signature date may be."""

_PARAMETERS = frozenset(
    {"action", "version", "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-expires", "x-amz-security-token"}
    | {"x-amz-signature", "x-amz-signedheaders"}
)


class TokenError(Exception):
    """The token is invalid; the message is the reason."""


@dataclass(frozen=True)
class SignedRequest:
    """The presigned request in a token, with a valid format and date. Its signature is not yet verified."""

    url: str
    parameters: dict[str, str]
    """Query parameters by lowercase name."""

    date: str
    region: str
    access_key_id: str

    @property
    def session_token(self) -> str | None:
        """Session token of temporary credentials."""
        return self.parameters.get("x-amz-security-token")

    def signed_by(self, secret: str, cluster: str) -> bool:
        """Whether `secret` was used to sign this request for the cluster with this name."""
        split = urlsplit(self.url)
        unsigned = [pair for pair in parse_qsl(split.query, keep_blank_values=True) if pair[0] != "X-Amz-Signature"]
        request = AWSRequest(
            "GET",
            split._replace(query=urlencode(unsigned)).geturl(),
            headers={CLUSTER_HEADER: cluster},
        )
        request.context["timestamp"] = self.date
        signer = SigV4QueryAuth(Credentials(self.access_key_id, secret), "sts", self.region)
        text = signer.string_to_sign(request, signer.canonical_request(request))
        return hmac.compare_digest(signer.signature(text, request), self.parameters["x-amz-signature"])


def parse(token: str, host: str, moment: datetime | None = None) -> SignedRequest:
    """The request in `token`, which must be for `host` (`host:port`) and valid at `moment` (default: now).

    Raises `TokenError`.
    """
    if not token.startswith(PREFIX):
        raise TokenError(f"it does not start with {PREFIX}")
    url = _decode(token.removeprefix(PREFIX))
    split = urlsplit(url)
    if split.netloc != host:
        raise TokenError(f"it is signed for the host {split.netloc}, not for the sandbox's {host}")
    if split.path not in ("", "/"):
        raise TokenError(f"unexpected path {split.path}")
    parameters = _parameters(split.query)
    if parameters.get("action") != "GetCallerIdentity":
        raise TokenError("it is signed for an action other than GetCallerIdentity")
    if parameters.get("x-amz-algorithm") != "AWS4-HMAC-SHA256" or not parameters.get("x-amz-signature"):
        raise TokenError("it has no Signature Version 4 signature")
    signed = parameters.get("x-amz-signedheaders", "").split(";")
    if sorted(signed) != ["host", CLUSTER_HEADER]:
        raise TokenError(f"the signed headers are not host and {CLUSTER_HEADER}")
    _check_time(parameters, moment or datetime.now(UTC))
    scope = parameters.get("x-amz-credential", "").split("/")
    if len(scope) != 5 or scope[3:] != ["sts", "aws4_request"] or scope[1] != parameters["x-amz-date"][:8]:
        raise TokenError("its credential scope is not for STS")
    return SignedRequest(url, parameters, parameters["x-amz-date"], scope[2], scope[0])


def _decode(text: str) -> str:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise TokenError("it is not valid base64") from None


def _parameters(query: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        key = name.lower()
        if key not in _PARAMETERS:
            raise TokenError(f"unexpected query parameter {name}")
        if key in found:
            raise TokenError(f"query parameter {name} occurs twice")
        found[key] = value
    return found


def _check_time(parameters: dict[str, str], moment: datetime) -> None:
    try:
        signed_at = datetime.strptime(parameters["x-amz-date"], SIGV4_TIMESTAMP).replace(tzinfo=UTC)
        expires = int(parameters["x-amz-expires"])
    except (KeyError, ValueError):
        raise TokenError("X-Amz-Date or X-Amz-Expires is missing or invalid") from None
    if not 0 <= expires <= MAX_EXPIRES_S:
        raise TokenError(f"X-Amz-Expires is {expires} s; allowed: at most {MAX_EXPIRES_S}")
    if moment > signed_at + LIFETIME:
        raise TokenError(f"it expired; it was signed at {signed_at:%Y-%m-%d %H:%M:%S} UTC")
    if signed_at > moment + CLOCK_SKEW:
        raise TokenError(f"it was signed in the future, at {signed_at:%Y-%m-%d %H:%M:%S} UTC")
