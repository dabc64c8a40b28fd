"""Components reject credentials in plain values, as stack files do, and never quote them."""

from collections.abc import Callable
from typing import Any

import pulumi
import pytest

import mlplatform
from mlplatform.checks.arguments import ArgumentsError
from mlplatform.testing import ACCOUNT_ID, REGION, declare

KEY = f"arn:aws:kms:{REGION}:{ACCOUNT_ID}:key/00000000-0000-0000-0000-000000000000"

# Built from parts, so that no secret scanner reports this file.
TOKEN = "hf_" + "aB3" * 12
SHORT = "hunter2"
BY_FORM = "holds what looks like a Hugging Face token, in plain text; allowed: plain values; "
BY_NAME = "holds what looks like a secret, judging by its name, in plain text; allowed: plain values; "


def model(beside: Any = None, *, as_spec: bool = False, **more: Any) -> Callable[[], Any]:
    values = {"image": "server:v1", "pool": "gpu", **more}
    spec: Any = mlplatform.InferenceServiceSpec.model_validate(values) if as_spec else values
    return lambda: mlplatform.InferenceService("chat", {"inference": spec, **(beside or {})})


def pool(**more: Any) -> Callable[[], Any]:
    spec: Any = {"instanceTypes": ["g6.2xlarge"], **more.pop("pool", {})}
    args: Any = {"pool": spec, "cluster_name": "c", "subnet_ids": ["subnet-11111111"], "disks_key_arn": KEY, **more}
    return lambda: mlplatform.GpuNodePool("p", args)


def keys(**more: Any) -> Callable[[], Any]:
    args: Any = {"keys": {}, "account_id": ACCOUNT_ID, "region": REGION, **more}
    return lambda: mlplatform.KeyRing("k", args)


def refused(make: Callable[[], Any]) -> dict[str, str]:
    with pytest.raises(ArgumentsError) as error:
        declare(make)
    assert TOKEN not in str(error.value) and SHORT not in str(error.value)
    return {each.path: each.reason for each in error.value.problems}


@pytest.mark.parametrize("as_spec", [False, True])
@pytest.mark.parametrize(
    ("given", "place", "message"),
    [
        ({"env": {"TOKENIZER": TOKEN}}, "env.TOKENIZER", BY_FORM),
        ({"env": {"HF_TOKEN": SHORT}}, "env.HF_TOKEN", BY_NAME),
        ({"env": {"SETTINGS": f'{{"password": "{SHORT}"}}'}}, "env.SETTINGS", BY_NAME),
        ({"commandArgs": ["--api-key", SHORT]}, "commandArgs.1", BY_NAME),
        ({"commandArgs": [f"--api-key={SHORT}"]}, "commandArgs.0", BY_NAME),
        ({"commandArgs": [TOKEN]}, "commandArgs.0", BY_FORM),
        ({"commandArgs": ["-c", f"export PGPASSWORD={SHORT}; serve"]}, "commandArgs.1", BY_NAME),
        ({"healthPath": f"/health?token={SHORT}"}, "healthPath", BY_NAME),
        ({"secretEnv": {"A": {"secret": TOKEN}}}, "secretEnv.A.secret", BY_FORM),
    ],
)
def test_a_credential_in_a_spec_is_rejected(given: Any, place: str, message: str, as_spec: bool) -> None:
    found = refused(model(as_spec=as_spec, **given))
    assert [*found] == [f"inference.{place}"] and found[f"inference.{place}"].startswith(message)
    assert "secretEnv" in found[f"inference.{place}"]


def test_a_credential_in_a_field_with_its_python_name_is_rejected() -> None:
    assert [*refused(model(command_args=["--token", SHORT]))] == ["inference.command_args.1"]
    assert [*refused(model(health_path=f"/h?key={SHORT}"))] == ["inference.health_path"]


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("A", TOKEN, BY_FORM),
        ("HF_TOKEN", SHORT, BY_NAME),
        ("API_KEY", SHORT, BY_NAME),
        ("A", f"password={SHORT}", BY_NAME),
    ],
)
def test_a_credential_in_an_argument_is_rejected(name: str, value: str, message: str, later: bool) -> None:
    given = (lambda: pulumi.Output.from_input(value)) if later else (lambda: value)
    found = refused(lambda: model({"env": {name: given()}})())
    assert found[f"env.{name}"].startswith(message)


def test_a_name_that_is_a_credential_is_not_quoted() -> None:
    assert [*refused(model({"env": {TOKEN: "x"}}))] == ["env"]
    assert [*refused(model(env={f"--password={SHORT}": "x"}))] == ["inference.env"]


def test_a_credential_before_an_image_is_not_quoted() -> None:
    image = f"bob:{SHORT}@ghcr.io/x"
    for make in (model(image=image), model({"image": image}, image=None)):
        assert all("registry with a username" in each for each in refused(make).values())
    refused(lambda: model({"image": pulumi.Output.from_input(image)}, image=None)())


@pytest.mark.parametrize("make", [pool, keys])
def test_a_credential_in_tags_is_rejected(make: Callable[..., Any]) -> None:
    assert refused(make(tags={"deploy-token": SHORT}))["tags.deploy-token"].startswith(BY_NAME)
    assert refused(make(tags={"team": TOKEN}))["tags.team"].startswith(BY_FORM)


def test_a_credential_in_node_labels_is_rejected() -> None:
    assert refused(pool(pool={"labels": {"api-key": SHORT}}))["pool.labels.api-key"].startswith(BY_NAME)


def test_a_reference_to_a_secret_is_accepted() -> None:
    declare(model({"env": {"TOKEN_FILE": "/run/token", "MAX_TOKENS": "512"}}, env={"AUTH": "oidc", "API_KEY": ""}))
    declare(
        model(
            commandArgs=["--api-key", "$(HUB)", "--eos-token=</s>"],
            secretEnv={"HUB": {"kubernetesSecret": "a", "key": "token"}},
        )
    )
    secret = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT_ID}:secret:team/token-AbCdEf"
    args: Any = {"workload": {"secrets": ["team/token"]}, "cluster_name": "c", "secret_arns": {"team/token": secret}}
    args |= {"account_id": ACCOUNT_ID, "region": REGION, "data_key_arn": KEY, "secrets_key_arn": KEY}
    declare(lambda: mlplatform.WorkloadIdentity("w", args))
