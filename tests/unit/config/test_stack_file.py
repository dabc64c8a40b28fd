"""Reading whole stack files."""

import os

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field

from mlpctl.config import regions
from mlpctl.config.problems import ConfigError
from mlpctl.config.stack_file import check, find, read
from mlpctl.config.yaml_file import YamlError, parse
from mlplatform.spec import Spec


class Stack(Spec):
    profile: str
    size: int = 1
    pools: dict[str, "Stack"] = Field(default={})
    names: list[str] | None = None


GOOD = "config:\n  aws:region: eu-central-1\n  mlplatform:platform:\n    profile: dev\n"


def messages(text: str) -> list[str]:
    with pytest.raises(ConfigError) as error:
        check(parse(text.encode()), "Pulumi.x.yaml", Stack, {"dev": {"size": 2}})
    return [str(problem) for problem in error.value.problems]


def test_a_valid_file_is_loaded_with_its_profile_and_lines(tmp_path):
    path = tmp_path / "Pulumi.x.yaml"
    path.write_text(GOOD + "encryptionsalt: v1:x\n")
    loaded = read(path, Stack, {"dev": {"size": 2}})
    assert loaded.platform == Stack(profile="dev", size=2)
    assert (loaded.region, loaded.profile) == ("eu-central-1", "dev")
    assert loaded.lines[("profile",)] == 4
    assert loaded.from_profile == {("size",)}


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("", ["the file is empty; allowed: `config` with aws:region and mlplatform:platform"]),
        ("[]", ["the file (line 1) is an empty list; allowed: a mapping with `config`"]),
        ("{}", ["config is missing; allowed: a mapping with aws:region and mlplatform:platform"]),
        ("config:", ["config (line 1) is empty; allowed: a mapping with aws:region and mlplatform:platform"]),
        (GOOD.replace("config", "confg", 1), ["confg (line 1) is an unknown key; did you mean `config`?"]),
        (
            GOOD + "extra: 1",
            [
                "extra (line 5) is an unknown key; "
                "allowed: secretsprovider, encryptedkey, encryptionsalt, environment or config"
            ],
        ),
        (
            "config:\n  aws:profile: x\n",
            [
                "aws:region (line 1) is missing; allowed: a region such as eu-central-1",
                "mlplatform:platform (line 1) is missing; allowed: the platform's config",
            ],
        ),
        (
            GOOD.replace("platform:platform", "platform:plaform"),
            ["mlplatform:plaform (line 3) is an unknown key; did you mean `mlplatform:platform`?"],
        ),
        (
            GOOD.replace("mlplatform:platform", "platform"),
            ["platform (line 3) is an unknown key; did you mean `mlplatform:platform`?"],
        ),
        (
            GOOD.replace("mlplatform:platform", "mlplatfrom:platform"),
            ["mlplatfrom:platform (line 3) is an unknown key; did you mean `mlplatform:platform`?"],
        ),
        (GOOD.replace("region", "regoin"), ["aws:regoin (line 2) is an unknown key; did you mean `aws:region`?"]),
        (
            GOOD + "  mlplatform:note: x",
            ["mlplatform:note (line 5) is an unknown key; allowed: mlplatform:platform, or an encrypted value"],
        ),
        (GOOD + "  note: x", ["note (line 5) is an unknown key; allowed: NAMESPACE:NAME"]),
        (
            GOOD.replace("eu-central-1", "us-east1"),
            ['aws:region (line 2) is "us-east1"; allowed: a region such as eu-central-1; did you mean `us-east-1`?'],
        ),
        (GOOD.replace("eu-central-1", ""), ["aws:region (line 2) is empty; allowed: a region such as eu-central-1"]),
        (
            GOOD.replace("eu-central-1", "012"),
            [
                "aws:region (line 2) is 012, which YAML reads as an octal number; "
                "put it in quotes or remove the leading zero"
            ],
        ),
        (
            "config:\n  aws:region: eu-central-1\n  mlplatform:platform: here\n",
            ['mlplatform:platform (line 3) is "here"; allowed: a mapping (keys: profile, size, pools, names)'],
        ),
    ],
)
def test_problems_outside_the_platform_are_reported(text, sentences):
    assert messages(text) == sentences


@pytest.mark.parametrize(
    "region", ["us-gov-west-1", "ap-southeast-5", "us-iso-east-1", "eusc-de-east-1", "mx-central-1"]
)
def test_regions_of_all_partitions_are_accepted(region):
    text = GOOD.replace("eu-central-1", region)
    assert check(parse(text.encode()), "f", Stack, {}).region == region


def test_a_secret_outside_the_platform_is_accepted():
    check(parse(GOOD.encode() + b"  mlplatform:token: {secure: v1:abc}\n"), "f", Stack, {})


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (GOOD + "    size: {secure: v1:abcdef}", "size (line 5)"),
        (GOOD + "    names: [{secure: v1:abcdef}]", "names[0] (line 5)"),
        (GOOD + "    pools: {a: {profile: {secure: v1:abcdef}}}", "pools.a.profile (line 5)"),
        (GOOD.replace(":\n    profile: dev", ": {secure: v1:abcdef}"), "mlplatform:platform (line 3)"),
    ],
)
def test_a_secret_inside_the_platform_is_reported_once_and_hidden(text, place):
    (sentence,) = messages(text)
    assert sentence.startswith(f"{place} contains a secret (`secure:`); allowed: plain values")
    assert "abcdef" not in sentence


@pytest.mark.parametrize(
    ("credential", "sort"),
    [("AKIAIOSFODNN7EXAMPLE", "an AWS access key"), ("ghp_0123456789abcdef0123", "a GitHub token")],
)
def test_a_credential_in_plain_text_is_reported_once_and_hidden(credential, sort):
    for line, place in ((f"names: [{credential}]", "names[0]"), (f"size: {credential}", "size")):
        (sentence,) = messages(f"{GOOD}    {line}")
        assert sentence.startswith(
            f"{place} (line 5) holds what looks like {sort}, in plain text; allowed: plain values"
        )
        assert credential not in sentence


@pytest.mark.parametrize(
    "line",
    [
        "    {}: 1",
        "    pools: {{{}: {{profile: dev}}}}",
        "    pools: {{{}: {{profile: dev}}, {}: {{profile: dev}}}}",
        "    profile: *{}",
        "    size: !{} 1",
        "  {}: 1",
        "  mlplatform:{}: 1",
        "  aws:accessKey: {}",
        "{}: 1",
    ],
)
def test_a_credential_is_hidden_at_every_place(line):
    credential = "ghp_0123456789abcdef0123"
    try:
        text = "\n".join(messages(GOOD + line.format(credential, credential)))
    except YamlError as error:
        text = str(error)
    assert text
    assert credential not in text


def test_problems_of_all_kinds_are_reported_together_by_line():
    text = (
        GOOD.replace("eu-central-1", "Paris")
        + "    size: 1\n    size: 2\n    sise: 3\n    1: 2\n    names: 2026-01-01\n"
    )
    assert [sentence.split(" is ")[0].split(" has ")[0] for sentence in messages(text)] == [
        "aws:region (line 2)",
        "size (line 6)",
        "sise (line 7)",
        "mlplatform:platform (line 8)",
        "names (line 9)",
    ]


def test_a_missing_file_is_reported_with_the_existing_ones(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stacks").mkdir()
    for stack in ("dev", "local"):
        (tmp_path / "stacks" / f"Pulumi.{stack}.yaml").touch()
    (tmp_path / "Pulumi.yaml").write_text("name: mlplatform\nstackConfigDir: stacks\n")
    with pytest.raises(ConfigError) as error:
        read(find(tmp_path, "me/mlplatform/lcoal"), Stack, {})
    assert str(error.value) == (
        "  the file does not exist; allowed: the stacks dev or local; did you mean `local`?\n"
        "1 problem in stacks/Pulumi.lcoal.yaml"
    )


@pytest.mark.parametrize("content", [None, "[", "text"])
def test_a_missing_or_invalid_project_file_is_reported(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / "Pulumi.yaml").write_text(content)
    with pytest.raises(ConfigError, match=r"1 problem in Pulumi\.yaml"):
        find(tmp_path, "local")


def test_a_folder_instead_of_a_file_is_reported(tmp_path):
    with pytest.raises(ConfigError, match="can't be read: Is a directory"):
        read(tmp_path, Stack, {})


def load_or_report(content: bytes) -> None:
    try:
        check(parse(content), os.devnull, Stack, {"dev": {"pools.*.size": 2, "size": 3}})
    except (ConfigError, YamlError) as error:
        assert str(error)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates() | st.binary(max_size=9)
words = st.text(max_size=8) | st.sampled_from(
    ["profile", "size", "pools", "names", "secure", "aws:region", "<<", "config"]
)
junk = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words | st.integers(), inner, max_size=4),
    max_leaves=12,
)


# Few examples: `tests/fuzz` tests the platform's own model with many.
@settings(max_examples=40)
@given(junk)
def test_any_values_for_a_platform_load_or_are_reported(value):
    text = yaml.safe_dump({"config": {"aws:region": "eu-central-1", "mlplatform:platform": value}}, allow_unicode=True)
    load_or_report(text.encode("utf-8", "surrogatepass"))


# Few examples: `tests/fuzz` tests the platform's own model with many.
@settings(max_examples=40)
@given(junk)
def test_any_values_for_a_file_load_or_are_reported(value):
    load_or_report(yaml.safe_dump(value).encode("utf-8", "surrogatepass"))


@given(st.text(alphabet="abe10.:-_ \n\t[]{}\"'#&*!<>|?%@,~\\") | st.text())
def test_any_text_loads_or_is_reported(text):
    load_or_report(GOOD.encode() + text.encode("utf-8", "surrogatepass"))


@given(st.binary())
def test_any_bytes_load_or_are_reported(content):
    load_or_report(content)


@pytest.mark.parametrize("misspelled", ["me-wes-1", "sa-wes-1", "me-west-11"])
def test_a_suggested_region_can_have_a_stack(misspelled):
    with pytest.raises(ConfigError) as error:
        check(parse(GOOD.replace("eu-central-1", misspelled).encode()), "Pulumi.x.yaml", Stack, {})
    (problem,) = [each for each in error.value.problems if each.path == ("aws:region",)]
    assert problem.suggestion is None or regions.problem(problem.suggestion) is None
