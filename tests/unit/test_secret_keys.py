"""Keys of products, and values that look like a key under a name that ends in `key`."""

import json
from typing import Any

import pytest

from awsfacts import credentials
from awsfacts.randomness import looks_like_key
from mlpctl.review.redact import Redactor

HEX, BASE64 = "0a1b2c3d4e5f60718293a4b5c6d7e8f9", "kWcrlUX5JEDGM/LtmEENI/aVmYvHNif5zB+d9+ct"
WORD = "Zq7xKanaryPw"

PRODUCTS = [
    "KAGGLE_KEY",
    "SOPS_AGE_KEY",
    "LABEL_STUDIO_KEY",
    "ROBOFLOW_KEY",
    "NGC_CLI_KEY",
    "PINECONE_KEY",
    "FERNET_KEY",
]
OTHERS = ["RERANKER_KEY", "my-service-key", "vectorDbKey", "ACME_KEY", "RUNNER_KEY_2"]
PUBLIC = [
    "CACHE_KEY",
    "PUBLIC_KEY",
    "SORT_KEY",
    "PRIMARY_KEY",
    "KMS_KEY",
    "OBJECT_KEY",
    "PARTITION_KEY",
    "S3_KEY",
    "KEY",
]


def ways(name: str, value: str) -> list[Any]:
    """A value with a name, as reviews see it."""
    return [
        f"export {name}={value}\n",
        f"{name}='{value}' ./train",
        f"docker run -e {name}={value} image",
        {"env": [{"name": name, "value": value}]},
        {"environment": {name: value}},
        {"args": [f"--{name}", value]},
        f"app:\n  {name}: {value}\n",
        json.dumps({name: value}),
    ]


def shown(value: Any) -> str:
    return json.dumps(Redactor().inputs({"it": value}), default=str)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, each) for name in PRODUCTS for each in (WORD, HEX)),
        *((name, each) for name in OTHERS for each in (HEX, BASE64)),
    ],
)
def test_a_key_is_refused_and_redacted(name: str, value: str) -> None:
    assert [*credentials.find({"env": {name: value}})]
    assert [*credentials.find({"commandArgs": [f"--{name}={value}"]})]
    for each in ways(name, value):
        assert value not in shown(each)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, HEX) for name in PUBLIC),
        ("RERANKER_KEY", "customer_id"),
        ("OBJECT_KEY", "models/Llama-3-8B-Instruct-GPTQ/v2/weights"),
        ("RERANKER_KEY", "models/Llama-3-8B-Instruct-GPTQ/v2/weights"),
        ("DEFAULT_KEY", "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"),
        ("EBS_KEY", "arn:aws:kms:us-east-1:123456789012:key/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"),
        ("KMS_KEY_ID", HEX),
        ("MODEL_REVISION", HEX),
    ],
)
def test_another_key_is_accepted_and_shown(name: str, value: str) -> None:
    assert not [*credentials.find({"env": {name: value}})]
    for each in ways(name, value):
        assert value in shown(each)


def test_a_repetitive_text_does_not_look_like_a_key() -> None:
    assert looks_like_key(HEX) and looks_like_key(HEX.upper()) and looks_like_key(BASE64)
    assert not looks_like_key("0" * 40) and not looks_like_key(HEX[:31]) and not looks_like_key("")
