"""How commands write text."""

import pytest

from mlpctl import text, urns
from mlpctl.config.problems import Problem, shown
from mlpctl.review.values import plain


@pytest.mark.parametrize(
    ("count", "noun", "words"),
    [
        (1, "node", "1 node"),
        (0, "node", "0 nodes"),
        (3, "node", "3 nodes"),
        (2, "entry", "2 entries"),
        (1, "entry", "1 entry"),
        (2, "key", "2 keys"),
        (1_200, "resource", "1,200 resources"),
    ],
)
def test_a_number_agrees_with_its_noun(count: int, noun: str, words: str) -> None:
    assert text.number(count, noun) == words


@pytest.mark.parametrize(
    ("words", "any_of", "all_of"),
    [
        ([], "", ""),
        (["a"], "a", "a"),
        (["a", "b"], "a or b", "a and b"),
        (["a", "b", "c"], "a, b or c", "a, b and c"),
        (["a", "b", "a"], "a, b or a", "a and b"),
    ],
)
def test_words_are_listed_as_in_a_sentence(words: list[str], any_of: str, all_of: str) -> None:
    assert (text.any_of(words), text.all_of(words)) == (any_of, all_of)


@pytest.mark.parametrize(
    ("usd", "dollars", "cents", "change"),
    [
        (0.0, "$0.00", "$0.00", "$0.00"),
        (0.001, "$0.00", "<$0.01", "+$0.00"),
        (99.5, "$99.50", "$99.50", "+$99.50"),
        (-0.35, "-$0.35", "-$0.35", "-$0.35"),
        (1234.5, "$1,234", "$1,234.50", "+$1,234"),
    ],
)
def test_money_is_written_in_dollars_or_to_the_cent(usd: float, dollars: str, cents: str, change: str) -> None:
    assert (text.dollars(usd), text.cents(usd), text.change(usd)) == (dollars, cents, change)


@pytest.mark.parametrize("word", ["maxNode", "max-nodes", "max_nodes", "MAXNODES", "maxNodse"])
def test_the_nearest_key_is_found_in_any_spelling(word: str) -> None:
    assert text.nearest(word, ["minNodes", "maxNodes", "labels"]) == "maxNodes"
    assert text.nearest("image", ["minNodes", "maxNodes"]) is None


def test_similar_words_are_listed_the_most_similar_first() -> None:
    assert text.similar("kms", ["kmt", "kms2", "sts"], most=2) == ["kms2", "kmt"]
    assert text.similar("kms", ["sts"]) == []


def test_a_problem_of_a_stack_file_has_no_effect_in_a_workflow_or_a_terminal() -> None:
    hostile = "::error::\u202e\u3164\x1b[31m"
    for written in (shown(hostile), Problem(("x",), "is unknown", suggestion=hostile).sentence()):
        assert "::error" not in written and written.isprintable()
        assert "\u3164" not in written


def test_a_path_is_written_in_the_notation_of_its_reader() -> None:
    path = ("env", 0, "aws:region", "a.b")
    assert text.dotted(path, str.isalnum, repr) == "env[0]['aws:region']['a.b']"
    assert plain.dotted(path) == 'env[0]["aws:region"]["a.b"]'


def test_the_parts_of_a_urn_are_read_by_one_module() -> None:
    urn = "urn:pulumi:dev::shop::a:b:C$aws:eks/cluster:Cluster::name::with colons"
    assert urns.is_urn(urn) and not urns.is_urn("urn:pulumi:dev::shop")
    parts = (urns.stack(urn), urns.project(urn), urns.kind(urn), urns.class_name(urn), urns.name(urn))
    assert parts == ("dev", "shop", "aws:eks/cluster:Cluster", "Cluster", "name::with colons")
    assert urns.renamed(urn, "other").endswith("Cluster::other")
    assert urns.of_provider(f"{urn}::0a1b") == urn
