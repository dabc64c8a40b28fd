"""What the AWS API knows, as one file that a later process can go on with."""

import io
import json
import os
import platform
import threading
from collections import defaultdict
from pathlib import Path
from typing import Any

import dill
import moto
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from moto.backends import get_backend
from moto.core.base_backend import BackendDict, BaseBackend

from mlsandbox.endpoint.eks.backend import SERVICE, eks_backends
from mlsandbox.endpoint.store import STORE, store_backends
from mlsandbox.errors import SandboxError

FORMAT = 3
"""Raised when what the sandbox itself keeps changes its form."""

Backends = dict[tuple[str, str, str], BaseBackend]
"""Backends by service, account and region (or partition, where a service has no regions)."""

_RLOCK = type(threading.RLock())

_PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def save(path: Path) -> None:
    """Write every backend in use to `path`; a crash leaves the file before it. No request may run meanwhile."""
    body = io.BytesIO()
    _Pickler(body, protocol=5).dump(_backends())
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("wb") as file:
        temporary.chmod(0o600)
        file.write(json.dumps(_versions()).encode() + b"\n")
        file.write(body.getbuffer())
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def restore(path: Path) -> bool:
    """Go on with what `path` holds; False when there is no such file.

    Raises `SandboxError` for a snapshot that this version cannot read.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return False
    head, _, body = content.partition(b"\n")
    try:
        written, now = json.loads(head), _versions()
    except ValueError:
        raise SandboxError(f"{path} is no snapshot of the sandbox's AWS API. {_REMEDY}") from None
    if written != now:
        raise SandboxError(
            f"The AWS API's snapshot {path} was written with {_said(written)} and cannot be read with {_said(now)}. "
            f"Use those versions, or empty the sandbox: {_REMEDY}"
        )
    # The file lies in the sandbox's own folder, which only its user may write: what is unpickled is the user's own.
    for (service, account, region), backend in dill.loads(body).items():
        dict.__setitem__(_service(service)[account], region, backend)
    return True


_REMEDY = "run `mlsandbox reset`, which also removes the stacks' state."


def _versions() -> dict[str, Any]:
    # Lambdas inside moto's backends are pickled as byte code, which another Python does not run.
    return {"format": FORMAT, "moto": moto.__version__, "python": ".".join(platform.python_version_tuple()[:2])}


def _said(versions: dict[str, Any]) -> str:
    return f"moto {versions.get('moto')} on Python {versions.get('python')} (format {versions.get('format')})"


def _backends() -> Backends:
    found: Backends = {}
    for service in list(_in_use()):
        for account, region, backend in service.iter_backends():
            # AWS's own EKS in moto is replaced by the sandbox's, of the same name.
            if service.service_name != SERVICE or service is eks_backends:
                found[service.service_name, account, region] = backend
    return found


def _in_use() -> list[BackendDict[Any]]:
    # moto's own registry of what was used, which its reset walks too.
    return BackendDict._instances  # type: ignore[misc]  # a class variable that mypy takes for an instance's


def _service(name: str) -> BackendDict[Any]:
    if name == STORE:
        return store_backends
    return eks_backends if name == SERVICE else get_backend(name)  # type: ignore[call-overload, no-any-return, arg-type, unused-ignore]  # a name read from a file is no literal


class _Pickler(dill.Pickler):  # type: ignore[misc]  # dill has no types
    """dill, which knows locks and lambdas, and the few things in moto's backends that it does not know."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, _PrivateKey):
            pem = value.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            return _load_key, (pem,)
        # Nobody holds a lock while a snapshot is taken; dill would restore one that nobody can ever take again.
        if isinstance(value, _RLOCK):
            return threading.RLock, ()
        # A subclass with a constructor of its own: defaultdict would call it with the default factory.
        if isinstance(value, defaultdict) and type(value) is not defaultdict:
            return _load_defaultdict, (type(value), value.default_factory), vars(value), None, iter(value.items())
        return NotImplemented


def _load_key(pem: bytes) -> Any:
    return serialization.load_pem_private_key(pem, password=None)


def _load_defaultdict(kind: type[defaultdict[Any, Any]], factory: Any) -> defaultdict[Any, Any]:
    value = kind.__new__(kind)
    defaultdict.__init__(value, factory)
    return value
