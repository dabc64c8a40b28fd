"""How problems are formatted."""

import pytest

from mlpctl.config.problems import ConfigError, Problem, dotted, render, shown


def test_a_problem_is_one_sentence_with_path_value_range_and_suggestion():
    assert (
        str(Problem(("gpuPools", "inference", "maxNodes"), "is 0", line=31, allowed="1 to 500"))
        == "gpuPools.inference.maxNodes (line 31) is 0; allowed: 1 to 500"
    )
    assert (
        str(Problem(("gpuPool",), "is an unknown key", line=4, suggestion="gpuPools"))
        == "gpuPool (line 4) is an unknown key; did you mean `gpuPools`?"
    )


def test_problems_are_sorted_by_line_with_their_count_at_the_end():
    error = ConfigError(
        [Problem(("b",), "is 2", 12, 3), Problem(("c",), "is 3", 9, 7), Problem((), "is odd")], "stacks/Pulumi.x.yaml"
    )
    assert str(error) == (
        "           the file is odd\n  line 9   c is 3\n  line 12  b is 2\n3 problems in stacks/Pulumi.x.yaml"
    )
    assert render(error.problems[:1], "f") == "  the file is odd\n1 problem in f"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("a", "b-c", 0, "d_e"), "a.b-c[0].d_e"),
        (("aws:region",), "aws:region"),
        (("labels", "app.kubernetes.io/name"), 'labels["app.kubernetes.io/name"]'),
        (("\x1b[31m",), '["\\u001b[31m"]'),
        ((), ""),
    ],
)
def test_a_path_is_dotted(path, text):
    assert dotted(path) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("text", '"text"'),
        ("x" * 50, '"' + "x" * 39 + '…"'),
        (5, "5"),
        (True, "true"),
        (None, "empty"),
        ({}, "an empty mapping"),
        ([1, "a"], '[1, "a"]'),
        ([[1]], "a list"),
        (10**60, "1" + "0" * 38 + "…"),
        ("\u202e\x1b[2J", '"\\u202e\\u001b[2J"'),
    ],
)
def test_a_value_is_shortened_and_escaped(value, text):
    assert shown(value) == text


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("db", "password"), "hunter2"),
        (("apiKey",), "hunter2"),
        (("name",), "AKIAIOSFODNN7EXAMPLE"),
        (("name",), "-----BEGIN RSA PRIVATE KEY-----"),
        (("name",), "ghp_0123456789abcdef"),
    ],
)
def test_a_value_that_looks_like_a_secret_is_hidden(path, value):
    assert shown(value, path) == "(hidden)"
