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
from pydantic.alias_generators import to_camel

from mlpctl.sandbox.kubernetes.cluster import Cluster, UnreachableError
from mlpctl.sandbox.kubernetes.objects import DEFAULT_NAMESPACE
from mlpctl.sandbox.provider import UNKNOWN, Failure, Properties, ProviderError

KEYS = frozenset(to_camel(name) for name in inspect.signature(ProviderArgs).parameters)
"""What the official provider can be told, from its SDK's class."""

_ENGINE_KEYS = frozenset({"version", "pluginDownloadURL"})
_NOT_HERE = {
    "renderYamlToDirectory": "the sandbox's provider writes to a cluster only",
    "alwaysRender": "the sandbox's provider writes to a cluster only",
}
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


@dataclass(frozen=True)
class Settings:
    """One provider instance's configuration. Equal settings share a client."""

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
        """The settings in a checked configuration."""
        return cls(
            **{name: _text(config.get(name)) for name in ("kubeconfig", "context", "cluster", "namespace")},
            **{_snake(name): _flag(config.get(name)) for name in _FLAGS},
        )

    def open(self, default_kubeconfig: Path | None) -> "Connection":
        """Connect to the cluster that the kubeconfig names. Nothing is sent yet.

        Raises `ProviderError` where the kubeconfig is missing or wrong, `UnreachableError` where its exec plugin fails.
        """
        content, folder = self._read(default_kubeconfig)
        context = self._context(content)
        configuration = Configuration()
        configuration.connection_pool_maxsize = _CONNECTIONS
        try:
            loader = KubeConfigLoader(content, active_context=context["name"], config_base_path=str(folder))
            loader.load_and_set(configuration)
        except ConfigException as error:
            raise ProviderError(f"The provider's kubeconfig cannot be used: {error}") from None
        _check_credentials(content, context, configuration)
        namespace = self.namespace or context["context"].get("namespace") or DEFAULT_NAMESPACE
        return Connection(Cluster(ApiClient(configuration)), namespace)

    def _read(self, default: Path | None) -> tuple[Any, Path]:
        given = self.kubeconfig
        if given is None and default is None:
            raise ProviderError("The provider has no kubeconfig. Give it one: kubernetes.Provider(kubeconfig=…).")
        try:
            # A path has no line break and no brace; whatever has is content, in YAML or JSON.
            if given is not None and ("\n" in given or given.lstrip().startswith("{")):
                text, folder = given, Path()
            else:
                path = Path(given).expanduser() if given is not None else default
                assert path is not None
                text, folder = path.read_text(encoding="utf-8"), path.parent
            content = yaml.safe_load(text)
        except OSError as error:
            raise UnreachableError(f"The kubeconfig {error.filename} cannot be read: {error.strerror}.") from None
        except yaml.YAMLError as error:
            raise ProviderError(f"The provider's kubeconfig is not valid YAML: {' '.join(str(error).split())}") from None
        if not isinstance(content, dict):
            raise ProviderError("The provider's kubeconfig is not a mapping with clusters, users and contexts.")
        return content, folder

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


def _check_credentials(content: Any, context: dict[str, Any], configuration: Configuration) -> None:
    """Say why an exec plugin gave nothing: the library only logs it, and would go on with no identity."""
    users = {entry.get("name"): entry.get("user") or {} for entry in content.get("users") or ()}
    plugin = users.get(context["context"].get("user"), {}).get("exec")
    if not plugin or configuration.api_key or configuration.cert_file:
        return
    try:
        ExecProvider(ConfigNode("exec", plugin), "").run()
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


def _flag(value: Any) -> bool:
    return _parsed(value) is True


def _text(value: Any) -> str | None:
    if value is None or value is UNKNOWN or value == "":
        return None
    return value if isinstance(value, str) else json.dumps(value)


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
