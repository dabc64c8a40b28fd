"""Redaction of large, deep and arbitrary inputs takes bounded time and does not fail."""

import base64
import gzip
import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from awsfacts.randomness import looks_random
from mlpctl.review.redact import Redactor, scrub
from mlpctl.review.values.plain import Secret
from review_plans import bounded

RANDOM = "q7Zp2Lk9Xv4Bn8Mt3Rc6Wd1Ys5Hg0Jf7Ka2"


@pytest.mark.parametrize("text", ["kWcrlUX5JEDGM/LtmEENI/aVmYvHNif5zB+d9+ct", RANDOM])
def test_random_text_looks_random(text: str) -> None:
    assert looks_random(text)


def test_nearly_all_random_keys_look_random() -> None:
    chance = random.Random(1)
    keys = [base64.b64encode(chance.randbytes(32)).decode().rstrip("=") for _ in range(500)]
    assert sum(map(looks_random, keys)) >= 490


_PIECES = [
    "a",
    " ",
    "=",
    '"',
    "\\",
    ":",
    "-",
    "[",
    '{"a":',
    "eyJ",
    "password=",
    'password="',
    "password='x\" ",
    "--token ",
    "://a:b@",
    "-----BEGIN RSA PRIVATE KEY-----\n",
    "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n",
    "authorization: ",
    "bearer aaaaaaaa ",
    "wandb",
    "mysql ",
    "-u a:",
    "hooks.slack.com/services/",
    "secret: {\n",
    "password: |\n",
    "x-amz-signature=",
    "key:\n  secret: umbrella-1\n",
    "- *a\n",
    "sk-aaaa ",
    "ghp_",
    "vault kv put a b=c ",
    "pulumi config set a b ",
    "echo a | ",
    "/hooks/a1/",
    "https://a",
]


@pytest.mark.parametrize("piece", ["[", "{", "a: [", "a: {\n", "- ", "? "])
def test_deeply_nested_yaml_does_not_crash_the_process(piece: str) -> None:
    text = "password: umbrella-12345\nb: " + piece * 100_000
    assert "umbrella" not in scrub(text[: 256 * 1024])


@pytest.mark.engine  # seconds in all
@bounded
@pytest.mark.parametrize("piece", _PIECES)
def test_a_large_text_takes_linear_time(piece: str) -> None:
    size = 1024**2 // 4
    scrub((piece * (size // len(piece) + 1))[:size])


@pytest.mark.engine  # takes seconds
@bounded
def test_large_user_data_in_base64_and_gzip_is_searched() -> None:
    script = (
        "".join(f"echo {number} >> /var/log/boot\n" for number in range(40_000)) + "export DB_PASSWORD=umbrella-77\n"
    )
    plain = base64.b64encode(script.encode()).decode()
    zipped = base64.b64encode(gzip.compress(script.encode())).decode()
    shown = Redactor().value({"userData": plain, "userDataBase64": zipped})
    assert "umbrella" not in base64.b64decode(shown["userData"]).decode()
    assert isinstance(shown["userDataBase64"], Secret)


@pytest.mark.engine  # takes seconds
@bounded
def test_a_decompression_bomb_is_not_fully_decompressed() -> None:
    bomb = base64.b64encode(gzip.compress(b" " * 40_000_000, compresslevel=1)).decode()
    scrub(bomb)


@bounded
def test_multiplying_yaml_anchors_take_no_time() -> None:
    bomb = "a0: &a0 [secret, secret]\n" + "".join(
        f"a{number}: &a{number} [*a{number - 1}, *a{number - 1}]\n" for number in range(1, 60)
    )
    scrub(bomb + "password: umbrella-77\n")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@pytest.mark.engine  # takes seconds
@settings(max_examples=50)
@given(values=st.dictionaries(st.text(), _JSON), other=st.dictionaries(st.text(), _JSON))
def test_any_inputs_are_read(values: dict[str, Any], other: dict[str, Any]) -> None:
    shown = Redactor().inputs(values, twin=other)
    json.dumps(shown, default=str).encode()
    repr(shown).encode()
