"""The state of the AWS API as one file, from which a later process can continue."""

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
from moto.resourcegroupstaggingapi.models import ResourceGroupsTaggingAPIBackend

from mlsandbox.endpoint.eks.backend import SERVICE, eks_backends
from mlsandbox.endpoint.store import STORE, store_backends
from mlsandbox.errors import SandboxError

FORMAT = 3
"""Incremented when the format of the sandbox's own state changes."""

Backends = dict[tuple[str, str, str], BaseBackend]
"""Backends by service, account and region (or partition, for services without regions)."""

_RLOCK = type(threading.RLock())

_PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def save(path: Path) -> None:
    """Write every backend in use to `path`; after a crash, the previous file remains. No request may run meanwhile."""
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
    """Restore the state from `path`; False if there is no such file.

    Raises `SandboxError` if this version cannot read the snapshot.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return False
    head, _, body = content.partition(b"\n")
    try:
        written, now = json.loads(head), _versions()
    except ValueError:
        raise SandboxError(f"{path} is not a snapshot of the sandbox's AWS API. {_REMEDY}") from None
    if written != now:
        raise SandboxError(
            f"The AWS API's snapshot {path} was written with {_text(written)} and cannot be read with {_text(now)}. "
            f"Use those versions, or empty the sandbox: {_REMEDY}"
        )
    # Unpickling is safe: only the sandbox's user can write to its folder.
    for (service, account, region), backend in dill.loads(body).items():
        dict.__setitem__(_service(service)[account], region, backend)
    return True


_REMEDY = "run `mlsandbox reset`, which also removes the stacks' state."


def _versions() -> dict[str, Any]:
    # Lambdas in moto's backends are pickled as bytecode, which other Python versions cannot run.
    return {"format": FORMAT, "moto": moto.__version__, "python": ".".join(platform.python_version_tuple()[:2])}


def _text(versions: dict[str, Any]) -> str:
    return f"moto {versions.get('moto')} on Python {versions.get('python')} (format {versions.get('format')})"


def _backends() -> Backends:
    found: Backends = {}
    for service in list(_in_use()):
        for account, region, backend in service.iter_backends():
            # The sandbox's EKS replaces moto's, under the same name.
            if service.service_name != SERVICE or service is eks_backends:
                found[service.service_name, account, region] = backend
    return found


def _in_use() -> list[BackendDict[Any]]:
    # moto's registry of the backends in use, which its reset uses too.
    return BackendDict._instances  # type: ignore[misc]  # a class variable that mypy treats as an instance variable


def _service(name: str) -> BackendDict[Any]:
    if name == STORE:
        return store_backends
    return eks_backends if name == SERVICE else get_backend(name)  # type: ignore[call-overload, no-any-return, arg-type, unused-ignore]  # a name from a file is not a literal


class _Pickler(dill.Pickler):  # type: ignore[misc]  # dill has no types
    """dill, which can pickle locks and lambdas, with support for a few more objects in moto's backends."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, _PrivateKey):
            pem = value.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            return _load_key, (pem,)
        # No lock is held during a snapshot, but dill would restore a lock that can never be acquired again.
        if isinstance(value, _RLOCK):
            return threading.RLock, ()
        # Generators of pages cannot be pickled. On AWS too, the tokens of pages are only valid for a while:
        # https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html
        if isinstance(value, ResourceGroupsTaggingAPIBackend):
            reduced: Any = value.__reduce_ex__(2)
            made, given, state, *rest = reduced
            return made, given, {**state, "_pages": {}}, *rest
        # For a subclass with its own constructor, defaultdict would call it with the default factory.
        if isinstance(value, defaultdict) and type(value) is not defaultdict:
            return _load_defaultdict, (type(value), value.default_factory), vars(value), None, iter(value.items())
        return NotImplemented


def _load_key(pem: bytes) -> Any:
    return serialization.load_pem_private_key(pem, password=None)


def _load_defaultdict(kind: type[defaultdict[Any, Any]], factory: Any) -> defaultdict[Any, Any]:
    value = kind.__new__(kind)
    defaultdict.__init__(value, factory)
    return value
