"""Words in the names of secrets: a stack file rejects a part of the list, and a review redacts all."""

import itertools

import pytest

from awsfacts import secret_words
from awsfacts.secret_names import names_a_secret
from mlpctl.review.redact import scrub
from mlpctl.review.redact.signs import named_secret

KINDS = ("ends", "last", "keys")


def names(kind: str, part: str) -> list[str]:
    """Names with the words of a part of the table, as people write them."""
    words = secret_words.table()[kind][part]
    name = [f"{each} key" if kind == "keys" else f"my{each}" if kind == "ends" else each for each in words]
    return [text for each in name for text in (each.replace(" ", "_").upper(), f"app-{each.replace(' ', '-')}")]


@pytest.mark.parametrize("name", [each for kind in KINDS for each in names(kind, "refused")])
def test_a_review_redacts_what_a_stack_file_rejects(name: str) -> None:
    assert names_a_secret(name) and named_secret(name)


@pytest.mark.parametrize("name", [each for kind in KINDS for each in names(kind, "struck")])
def test_a_review_redacts_more_than_a_stack_file_rejects(name: str) -> None:
    assert named_secret(name) and not names_a_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        *(each for kind in KINDS for part in ("refused", "struck") for each in names(kind, part)),
        *("sensitiveData", "secureString", "plaintextValue", "pinCode", "DB_PW", "GITHUB_PAT_2", "otpSeed", "hmac"),
    ],
)
def test_a_review_redacts_values_that_a_text_assigns_to_such_a_name(name: str) -> None:
    assert "umbrella" not in scrub(f"serve with {name}='umbrella-77'")


@pytest.mark.parametrize(
    "name", ["primary_key", "sort-key", "publicKey", "compass", "trespass", "bypass", "monkey", "path"]
)
def test_other_names_are_not_secrets(name: str) -> None:
    assert not names_a_secret(name) and not named_secret(name)


@pytest.mark.parametrize("name", ["forward_pass", "NUM_PASS", "firstPass"])
def test_a_stack_file_accepts_steps_that_are_called_passes(name: str) -> None:
    assert not names_a_secret(name)


def test_no_word_is_listed_twice() -> None:
    for kind in KINDS:
        words = [*itertools.chain(*secret_words.table()[kind].values())]
        assert len(words) == len(set(words))
