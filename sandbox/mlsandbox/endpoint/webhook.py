"""The token webhook, which authenticates EKS tokens for the API server."""

import json
import logging
import ssl
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from botocore.utils import ArnParser

from mlsandbox.endpoint import identity, token
from mlsandbox.endpoint.eks import policy_groups
from mlsandbox.endpoint.eks.backend import LOCK, ClusterRecord, all_clusters
from mlsandbox.endpoint.token import TokenError
from mlsandbox.ground.layout import Layout
from mlsandbox.ground.ports import HOST

MAX_REVIEW_BYTES = 1 << 20

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class User:
    """The Kubernetes user that a token authenticates."""

    username: str
    uid: str
    groups: list[str]
    extra: dict[str, list[str]]


def authenticate(bearer: str, host: str) -> User:
    """The Kubernetes user of an EKS token that is signed for `host` (`host:port` of the AWS API).

    Raises `TokenError` if the token is malformed, expired, signed with another key or for another cluster, or if its
    identity has no access to the cluster.
    """
    request = token.parse(bearer, host)
    owner = identity.find(request.access_key_id, request.session_token or "")
    if owner is None:
        raise TokenError(f"the access key {request.access_key_id} is unknown, inactive or expired")
    with LOCK:
        found = [cluster for _, cluster in all_clusters() if request.signed_by(owner.secret, cluster.name)]
        if not found:
            raise TokenError("the signature does not match: it was made with another secret or for another cluster")
        return _user(found[0], owner, request.access_key_id)


def _user(cluster: ClusterRecord, owner: identity.Identity, access_key_id: str) -> User:
    uid = f"aws-iam-authenticator:{ArnParser().parse_arn(owner.arn)['account']}:{owner.user_id.split(':')[0]}"
    extra = {
        "accessKeyId": [access_key_id],
        "arn": [owner.arn],
        "canonicalArn": [owner.principal_arn],
        "principalId": [owner.user_id],
        "sessionName": [owner.session],
    }
    entry = cluster.access_entries.get(owner.principal_arn)
    if entry is None and cluster.creator_arn == owner.principal_arn:
        return User("kubernetes-admin", uid, ["system:masters"], extra)
    if entry is None:
        raise TokenError(f"{owner.principal_arn} has no access entry in the cluster {cluster.name}")
    # Characters that Kubernetes user names may not have.
    session = owner.session.replace("@", "-")
    return User(
        entry.shape["username"].replace("{{SessionName}}", session),
        uid,
        [*entry.shape["kubernetesGroups"], *policy_groups.groups(entry)],
        extra,
    )


class Webhook:
    """Serves `TokenReview`s of `authentication.k8s.io/v1` over HTTPS."""

    def __init__(self, layout: Layout) -> None:
        """Listen on the layout's webhook port. Raises `OSError` if the port is in use."""
        split = urlsplit(layout.webhook_endpoint)
        host = urlsplit(layout.aws_endpoint).netloc
        handler = type("_Review", (_Handler,), {"path_served": split.path, "aws_host": host})
        self._server = ThreadingHTTPServer((HOST, layout.ports().webhook), handler)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(layout.serving_certificate, layout.serving_key)
        # The handshake runs in the connection's thread, so that an idle client does not block others.
        self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, name="token-webhook", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60.0
    path_served: str
    aws_host: str

    def do_POST(self) -> None:
        # The API server adds its timeout as a query parameter.
        length = int(self.headers.get("Content-Length") or 0)
        if urlsplit(self.path).path != self.path_served or length > MAX_REVIEW_BYTES:
            self.send_error(404)
            return
        try:
            review = json.loads(self.rfile.read(length))
            bearer = str(review["spec"]["token"])
        except (ValueError, KeyError, TypeError):
            self.send_error(400)
            return
        body = json.dumps(
            {"apiVersion": review.get("apiVersion"), "kind": "TokenReview", "status": self._status(bearer)}
        )
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def _status(self, bearer: str) -> dict[str, Any]:
        try:
            user = authenticate(bearer, self.aws_host)
        except TokenError as problem:
            logger.info("token rejected: %s", problem)
            return {"authenticated": False, "error": f"token rejected: {problem}"}
        return {
            "authenticated": True,
            "user": {"username": user.username, "uid": user.uid, "groups": user.groups, "extra": user.extra},
        }

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- named by the base class
        logger.debug(format, *args)
