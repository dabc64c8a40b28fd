"""The provider's configuration: which cluster, which namespace, and how strict."""

import difflib
import inspect
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml
from kubernetes.client import ApiClient, Configuration
from kubernetes.config import ConfigException
from kubernetes.config.exec_provider import ExecProvider
from kubernetes.config.kube_config import ConfigNode, KubeConfigLoader
from pulumi_kubernetes import ProviderArgs
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from mlsandbox.providers.kubernetes.cluster import Cluster, UnreachableError
from mlsandbox.providers.kubernetes.objects import DEFAULT_NAMESPACE
from mlsandbox.providers.protocol import UNKNOWN, Failure, Properties, ProviderError

KEYS = frozenset(to_camel(name) for name in inspect.signature(ProviderArgs).parameters)
"""What the official provider can be told, from its SDK's class."""

_ENGINE_KEYS = frozenset({"version", "pluginDownloadURL"})
_NOT_HERE = {
    "renderYamlToDirectory": "the sandbox's provider writes to a cluster only",
    "alwaysRender": "the sandbox's provider writes to a cluster only",
}
_TEXTS = ("kubeconfig", "context", "cluster", "namespace")
_FLAGS = (
    "deleteUnreachable",
    "enableConfigMapMutable",
    "enablePatchForce",
    "enableSecretMutable",
    "skipUpdateUnreachable",
    "upsertExistingObjects",
)

# As many requests as one engine makes at once with pulumi's default parallelism on a large machine.
_CONNECTIONS = 64


class Settings(BaseModel):
    """One provider instance's configuration. Equal settings share a client."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, use_attribute_docstrings=True)

    kubeconfig: str | None = None
    """Content of, or path to, a kubeconfig; None for the sandbox's own."""

    context: str | None = None
    cluster: str | None = None
    namespace: str | None = None
    delete_unreachable: bool = False
    enable_config_map_mutable: bool = False
    enable_patch_force: bool = False
    enable_secret_mutable: bool = False
    skip_update_unreachable: bool = False
    upsert_existing_objects: bool = False

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Self:
        """The settings in a checked configuration, whose booleans may be texts."""
        texts = {name: _text(config.get(name)) for name in _TEXTS}
        return cls.model_validate(texts | {name: _parsed(config.get(name)) is True for name in _FLAGS})

    def source(self, default: Path | None) -> tuple[str, Path]:
        """The kubeconfig's text and the folder that its relative paths start from; `default` where none is given.

        Raises `ProviderError` if there is none at all, `UnreachableError` if the file cannot be read (it may come yet).
        """
        given = self.kubeconfig
        # A path has no line break and no brace; whatever has is content, in YAML or JSON.
        if given is not None and ("\n" in given or given.lstrip().startswith("{")):
            return given, Path()
        path = Path(given).expanduser() if given is not None else default
        if path is None:
            raise ProviderError("The provider has no kubeconfig. Give it one: kubernetes.Provider(kubeconfig=…).")
        try:
            return path.read_text(encoding="utf-8"), path.parent
        except OSError as error:
            raise UnreachableError(f"The kubeconfig {path} cannot be read: {error.strerror}.") from None

    def connect(self, text: str, folder: Path) -> "Connection":
        """A client for the cluster that the kubeconfig `text` names. Nothing is sent yet.

        Raises `ProviderError` where the kubeconfig is wrong, `UnreachableError` where its credential plugin fails.
        """
        content = _parsed_kubeconfig(text)
        context = self._context(content)
        configuration = Configuration()
        configuration.connection_pool_maxsize = _CONNECTIONS
        configuration.retries = 1
        try:
            loader: Any = KubeConfigLoader(  # type: ignore[no-untyped-call]  # untyped library
                content, active_context=context["name"], config_base_path=str(folder)
            )
            loader.load_and_set(configuration)
        except ConfigException as error:
            raise ProviderError(f"The provider's kubeconfig cannot be used: {error}") from None
        _check_credentials(content, context, configuration)
        namespace = self.namespace or context["context"].get("namespace") or DEFAULT_NAMESPACE
        return Connection(Cluster(ApiClient(configuration)), namespace, administrator=bool(configuration.cert_file))

    def _context(self, content: dict[str, Any]) -> dict[str, Any]:
        contexts = {entry.get("name"): entry for entry in content.get("contexts") or ()}
        wanted = self.context or content.get("current-context")
        if wanted not in contexts:
            known = ", ".join(map(str, contexts)) or "none"
            raise ProviderError(f"The provider's kubeconfig has no context {wanted!r}. It has: {known}.")
        context: dict[str, Any] = contexts[wanted]
        if self.cluster:
            context["context"]["cluster"] = self.cluster
        return context


@dataclass(frozen=True)
class Connection:
    """A cluster, and the namespace of objects that name none."""

    cluster: Cluster
    namespace: str
    administrator: bool = False
    """Whether it signs in with a client certificate, which EKS gives nobody: by the sandbox's own kubeconfig."""


def failures(config: Properties) -> Sequence[Failure]:
    """What is wrong with a provider's configuration, by property."""
    return [
        *(
            Failure(key, f"The Kubernetes provider has no setting {key!r}.{_meant(key)}")
            for key in config.keys() - KEYS - _ENGINE_KEYS
        ),
        *(Failure(key, f"{key} is not in the sandbox: {_NOT_HERE[key]}.") for key in sorted(config.keys() & _NOT_HERE)),
        *(
            Failure(key, f"{key} is {config[key]!r}; it must be true or false.")
            for key in sorted(config.keys() & {*_FLAGS, "enableServerSideApply", "suppressDeprecationWarnings"})
            if config[key] is not UNKNOWN and not isinstance(_parsed(config[key]), bool)
        ),
        *(
            Failure("enableServerSideApply", "The sandbox applies server-side only; leave enableServerSideApply out.")
            for value in (config.get("enableServerSideApply"),)
            if _parsed(value) is False
        ),
    ]


def _meant(key: str) -> str:
    near = difflib.get_close_matches(key, KEYS, n=1)
    return f" Did you mean {near[0]}?" if near else f" It has: {', '.join(sorted(KEYS))}."


def _parsed_kubeconfig(text: str) -> dict[str, Any]:
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ProviderError(f"The provider's kubeconfig is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise ProviderError("The provider's kubeconfig is not a mapping with clusters, users and contexts.")
    return content


def _check_credentials(content: Any, context: dict[str, Any], configuration: Configuration) -> None:
    """Say why an exec plugin gave nothing: the library only logs it, and would go on with no identity."""
    users = {entry.get("name"): entry.get("user") or {} for entry in content.get("users") or ()}
    plugin = users.get(context["context"].get("user"), {}).get("exec")
    if not plugin or configuration.api_key or configuration.cert_file:
        return
    try:
        node: Any = ConfigNode("exec", plugin)  # type: ignore[no-untyped-call]  # untyped library
        runner: Any = ExecProvider(node, "")  # type: ignore[no-untyped-call]  # untyped library
        runner.run()
        reason = "it gave neither a token nor a certificate"
    except (ConfigException, OSError) as error:
        reason = str(error)
    raise UnreachableError(f"The kubeconfig's credential plugin {plugin.get('command')!r} failed: {reason}")


def _parsed(value: Any) -> Any:
    """A value as it was meant: the engine sends everything but strings as JSON text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _text(value: Any) -> str | None:
    if value is None or value is UNKNOWN or value == "":
        return None
    return value if isinstance(value, str) else json.dumps(value)
