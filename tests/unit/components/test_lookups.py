"""Look-ups that fail."""

import pulumi
import pytest

from mlplatform.lookups import look_up


def test_an_error_is_told_without_the_engine_s_words() -> None:
    def ask() -> None:
        raise Exception(
            "invoke of aws:a/b:b failed: invocation of aws:a/b:b returned an error: invoking aws:a/b:b: gone\n"
        )

    with pytest.raises(pulumi.RunError, match=r"^the secret x can't be looked up: gone\nMake it\.$"):
        look_up(ask, "the secret x", "Make it.")


def test_an_answer_is_passed_on() -> None:
    assert look_up(lambda: 5, "the answer", "") == 5
