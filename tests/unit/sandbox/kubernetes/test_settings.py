"""The provider's configuration: what is refused, and which cluster is meant."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlsandbox.providers.kubernetes.cluster import UnreachableError
from mlsandbox.providers.kubernetes.instances import Instances
from mlsandbox.providers.kubernetes.settings import KEYS, Settings, failures
from mlsandbox.providers.protocol import UNKNOWN, ProviderError


def kubeconfig(**user: Any) -> dict[str, Any]:
    return {
        "current-context": "one",
        "contexts": [
            {"name": "one", "context": {"cluster": "a", "user": "me"}},
            {"name": "two", "context": {"cluster": "b", "user": "me", "namespace": "models"}},
        ],
        "clusters": [
            {"name": "a", "cluster": {"server": "https://127.0.0.1:1"}},
            {"name": "b", "cluster": {"server": "https://127.0.0.1:2"}},
        ],
        "users": [{"name": "me", "user": user or {"token": "t"}}],
    }


def connect(config: dict[str, Any]) -> tuple[str, str]:
    settings = Settings.of(config)
    connection = settings.connect(*settings.source(None))
    return connection.cluster.address, connection.namespace


def test_every_setting_of_the_official_provider_is_known() -> None:
    assert {"kubeconfig", "context", "deleteUnreachable", "kubeClientSettings", "renderYamlToDirectory"} <= KEYS
    config = {"kubeconfig": UNKNOWN, "enablePatchForce": "true", "namespace": "n", "version": "4.34.2"}
    assert failures(config) == []


@pytest.mark.parametrize(
    ("config", "path", "words"),
    [
        ({"kubeConfig": "x"}, "kubeConfig", "Did you mean kubeconfig?"),
        ({"xyz": "x"}, "xyz", "It has: "),
        ({"deleteUnreachable": "yes"}, "deleteUnreachable", "'yes'; it must be true or false"),
        ({"renderYamlToDirectory": "out"}, "renderYamlToDirectory", "not in the sandbox"),
        ({"enableServerSideApply": "false"}, "enableServerSideApply", "server-side only"),
    ],
)
def test_a_wrong_setting_is_refused(config: dict[str, Any], path: str, words: str) -> None:
    (failure,) = failures(config)
    assert failure.path == path and words in failure.reason


def test_booleans_come_as_texts() -> None:
    settings = Settings.of({"deleteUnreachable": "true", "enablePatchForce": False, "upsertExistingObjects": True})
    assert (settings.delete_unreachable, settings.enable_patch_force, settings.upsert_existing_objects) == (
        True,
        False,
        True,
    )


def test_a_kubeconfig_is_content_or_a_path(tmp_path: Path) -> None:
    text = yaml.safe_dump(kubeconfig())
    (tmp_path / "config").write_text(text)
    expected = ("https://127.0.0.1:1", "default")
    assert connect({"kubeconfig": text}) == expected
    assert connect({"kubeconfig": json.dumps(kubeconfig())}) == expected
    assert connect({"kubeconfig": str(tmp_path / "config")}) == expected


def test_context_cluster_and_namespace_choose() -> None:
    config = {"kubeconfig": json.dumps(kubeconfig())}
    assert connect({**config, "context": "two"}) == ("https://127.0.0.1:2", "models")
    assert connect({**config, "context": "two", "namespace": "n"}) == ("https://127.0.0.1:2", "n")
    assert connect({**config, "cluster": "b"}) == ("https://127.0.0.1:2", "default")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({}, "no kubeconfig"),
        ({"kubeconfig": "a: [\n"}, "not valid YAML"),
        ({"kubeconfig": "- a\n"}, "not a mapping"),
        ({"kubeconfig": json.dumps(kubeconfig()), "context": "three"}, "no context 'three'. It has: one, two"),
        ({"kubeconfig": json.dumps(kubeconfig()), "cluster": "c"}, "cannot be used"),
        ({"kubeconfig": json.dumps({**kubeconfig(), "clusters": []})}, "cannot be used"),
    ],
)
def test_a_wrong_kubeconfig_says_what_is_wrong(config: dict[str, Any], words: str) -> None:
    with pytest.raises(ProviderError) as caught:
        connect(config)
    assert words in str(caught.value) and not isinstance(caught.value, UnreachableError)


def test_a_kubeconfig_that_is_not_there_yet_may_come(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match="cannot be read: No such file"):
        connect({"kubeconfig": str(tmp_path / "later")})


def plugin(script: str) -> dict[str, Any]:
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "args": ["-c", script]}}


def test_a_credential_plugin_that_fails_is_named_with_its_reason() -> None:
    config = {"kubeconfig": json.dumps(kubeconfig(**plugin("echo no such cluster >&2; exit 3")))}
    with pytest.raises(UnreachableError, match=r"credential plugin 'sh' failed: .*no such cluster"):
        connect(config)


def test_a_credential_plugin_gives_the_token() -> None:
    answer = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "from-plugin"},
    }
    config = {"kubeconfig": json.dumps(kubeconfig(**plugin(f"echo '{json.dumps(answer)}'")))}
    assert connect(config) == ("https://127.0.0.1:1", "default")


def test_equal_settings_share_a_connection_and_a_changed_file_does_not(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(kubeconfig()))
    instances = Instances(path, lambda server: None)
    first = instances.connection("one")
    assert instances.connection("two") is first
    instances.configure("two", Settings.of({"namespace": "n"}))
    assert instances.connection("two") is not first
    path.write_text(yaml.safe_dump({**kubeconfig(), "current-context": "two"}))
    assert instances.connection("one").cluster.address == "https://127.0.0.1:2"


def certified() -> dict[str, Any]:
    """A kubeconfig with the client certificate of an administrator."""
    return kubeconfig(**{"client-certificate-data": "Y2VydA==", "client-key-data": "a2V5"})


def test_an_instance_that_the_network_kept_out_once_stays_out_as_with_the_official_provider(tmp_path: Path) -> None:
    path, reasons = tmp_path / "config", ["no rule lets you in", None]
    path.write_text(yaml.safe_dump(kubeconfig()))
    instances = Instances(path, lambda server: reasons.pop(0) if server == "https://127.0.0.1:1" else "?")
    for _ in range(2):
        with pytest.raises(UnreachableError, match="no rule lets you in"):
            instances.connection("one")
    # The next engine configures the provider anew.
    instances.configure("one", Settings())
    assert instances.connection("one").cluster.address == "https://127.0.0.1:1"
    assert reasons == []


def test_the_sandbox_s_own_administrator_is_let_in(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(certified()))
    assert Instances(path, lambda server: "closed").connection("one").administrator
