"""The sandbox's certificate authority, and the server and client certificates that it signs."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mlsandbox.ground import files
from mlsandbox.ground.layout import Layout
from mlsandbox.ground.ports import HOST

# Certificates are not renewed: kubeconfigs contain the CA, and a new CA would appear as a diff in every stack.
LIFETIME = timedelta(days=3650)

CA = "ca"
"""File name of the CA of all certificates except `FRONT_PROXY`."""

_LOOPBACK = (x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address(HOST)))


@dataclass(frozen=True)
class Identity:
    """The Kubernetes user that a client certificate authenticates."""

    user: str
    """Name of the user: the common name of the certificate."""

    group: str | None = None
    """Group of the user: the organization in the certificate."""


CLIENTS = {
    "admin": Identity("kubernetes-admin", "system:masters"),
    "kube-controller-manager": Identity("system:kube-controller-manager"),
    "kube-scheduler": Identity("system:kube-scheduler"),
    # kwok acts as the kubelet of every node, which no built-in role of Kubernetes allows.
    "kwok": Identity("kwok", "system:masters"),
    # For etcd, which requires client certificates of the same CA. In the API server this user has no permissions.
    "etcd-client": Identity("etcd-client"),
    "kubelet-client": Identity("kube-apiserver-kubelet-client"),
}
"""Client certificates by file name."""

SERVICE_ACCOUNT = "service-account"
"""File name of the key pair that signs service account tokens."""

FRONT_PROXY_CA = "front-proxy-ca"
FRONT_PROXY = "front-proxy-client"
"""File names of the certificate with which the API server forwards requests to aggregated APIs, and of its CA.

An aggregated API accepts any user name from a client with a certificate of this CA, so it signs no other certificates:
https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/"""


def ensure(layout: Layout) -> None:
    """Create what is missing in `layout.pki`: the CAs, the serving certificate, the client certificates, the token key.

    Existing files are not changed.
    """
    authority = _authority(layout.pki, CA, "mlplatform sandbox CA")
    if not _exists(layout.pki, "serving"):
        _issue(layout.pki, "serving", authority, Identity("mlplatform sandbox"), names=_LOOPBACK)
    for name, identity in CLIENTS.items():
        if not _exists(layout.pki, name):
            _issue(layout.pki, name, authority, identity)
    front_proxy = _authority(layout.pki, FRONT_PROXY_CA, "mlplatform sandbox front proxy CA")
    if not _exists(layout.pki, FRONT_PROXY):
        _issue(layout.pki, FRONT_PROXY, front_proxy, Identity(FRONT_PROXY))
    if not (layout.pki / f"{SERVICE_ACCOUNT}.pub").exists():
        key = ec.generate_private_key(ec.SECP256R1())
        files.replace(layout.pki / f"{SERVICE_ACCOUNT}.key", _private_pem(key))
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        files.replace(layout.pki / f"{SERVICE_ACCOUNT}.pub", public.decode())


def ensure_service(layout: Layout, service: str, namespace: str) -> Path:
    """The certificate of a server behind a Service of the cluster. It is created if it is missing."""
    if not _exists(layout.pki, service):
        host = f"{service}.{namespace}.svc"
        authority = _authority(layout.pki, CA, "mlplatform sandbox CA")
        _issue(layout.pki, service, authority, Identity(host), names=(x509.DNSName(host), *_LOOPBACK))
    return layout.pki / f"{service}.crt"


@dataclass(frozen=True)
class _Authority:
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate


def _exists(folder: Path, name: str) -> bool:
    # The key is written before the certificate, so it exists if the certificate does.
    return (folder / f"{name}.crt").exists()


def _authority(folder: Path, file: str, common_name: str) -> _Authority:
    if _exists(folder, file):
        key = serialization.load_pem_private_key((folder / f"{file}.key").read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{folder / file}.key is not a key that the sandbox created")
        return _Authority(key, x509.load_pem_x509_certificate((folder / f"{file}.crt").read_bytes()))
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    certificate = (
        _builder(name, key.public_key(), name, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    _write(folder, file, key, certificate)
    return _Authority(key, certificate)


def _issue(
    folder: Path, name: str, authority: _Authority, identity: Identity, *, names: Sequence[x509.GeneralName] = ()
) -> None:
    """Issue a certificate. With `names` it is for a server, otherwise for a client."""
    key = ec.generate_private_key(ec.SECP256R1())
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, identity.user)]
    if identity.group:
        attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, identity.group))
    # etcd also connects to itself with its serving certificate, so that certificate has both usages.
    usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    builder = (
        _builder(x509.Name(attributes), key.public_key(), authority.certificate.subject, authority.key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages if names else usages[1:]), critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    _write(folder, name, key, builder.sign(authority.key, hashes.SHA256()))


def _builder(
    subject: x509.Name, key: ec.EllipticCurvePublicKey, issuer: x509.Name, issuer_key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    # The certificate remains valid if the clock is set back a little.
    begin = datetime.now(UTC) - timedelta(days=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + LIFETIME)
        # Python 3.13 verifies strictly and requires both identifiers.
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _write(folder: Path, name: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
    files.replace(folder / f"{name}.key", _private_pem(key))
    files.replace(folder / f"{name}.crt", certificate.public_bytes(serialization.Encoding.PEM).decode())


def _private_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
