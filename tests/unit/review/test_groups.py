"""The changes of a plan by component."""

from changes import STACK, change, plan, update, urn
from mlpctl.review.dangers.groups import ALONE, MAX_FACTS, counts, groups, row, unknowns
from mlpctl.review.plan.model import Change, Op
from mlpctl.review.report.cost import Money
from mlpctl.review.report.model import Certainty
from mlpctl.review.values.plain import UNKNOWN, Secret

BUCKET, NODES = "aws:s3/bucket:Bucket", "aws:eks/nodeGroup:NodeGroup"
POOL = Change(urn("mlplatform:index:GpuNodePool", "inference"), Op.SAME, old={}, new={}, custom=False, parent=STACK)
INNER = Change(urn("acme:index:Part", "part"), Op.CREATE, new={}, custom=False, parent=POOL.urn)


def test_changes_are_grouped_by_their_outermost_component() -> None:
    found = groups(
        plan(
            POOL,
            INNER,
            change(BUCKET, Op.CREATE, name="alone"),
            change(BUCKET, Op.CREATE, name="below", parent=urn(BUCKET, "alone")),
            change(NODES, Op.UPDATE, name="nodes", parent=POOL.urn),
            change(BUCKET, Op.DELETE, name="bucket", parent=INNER.urn),
            change(BUCKET, Op.SAME, name="same", parent=POOL.urn),
            change(BUCKET, Op.READ, name="read"),
        )
    )
    assert [(each.title, each.words, [one.name for one in each.rows]) for each in found] == [
        ("GpuNodePool inference", "GPU node pool", ["bucket", "nodes"]),
        (ALONE, "", ["alone", "below"]),
    ]
    assert found[0].counts == {Op.UPDATE: 1, Op.DELETE: 1}


def test_a_group_contains_its_change_of_cost() -> None:
    money = Money(min=1, expected=2, max=3)
    found = groups(plan(POOL, change(NODES, parent=POOL.urn), change(BUCKET)), {"GpuNodePool inference": money})
    assert [each.monthly_delta_usd for each in found] == [money, None]


def test_only_provider_managed_resources_are_counted() -> None:
    every = plan(
        Change(STACK, Op.CREATE, new={}, custom=False),
        POOL,
        change("pulumi:providers:kubernetes", Op.CREATE, name="cluster"),
        change(BUCKET, Op.CREATE, name="a"),
        change(BUCKET, Op.SAME, name="b"),
        change(BUCKET, Op.SAME, name="c"),
    )
    assert counts(every) == {Op.CREATE: 1, Op.SAME: 2}


def test_an_explicit_provider_is_a_row_and_a_default_provider_is_not() -> None:
    found = groups(
        plan(
            change("pulumi:providers:kubernetes", Op.CREATE, name="cluster"),
            change("pulumi:providers:aws", Op.CREATE, name="default_7_51_1"),
        )
    )
    assert [each.name for group in found for each in group.rows] == ["cluster"]


def test_created_and_deleted_resources_have_facts_and_changed_ones_have_differences() -> None:
    inputs = {"instanceTypes": ["g6.xlarge"], "capacityType": "SPOT", "labels": {"a": "b"}, "version": UNKNOWN}
    comes, goes = (row(change(NODES, op, inputs=inputs)) for op in (Op.CREATE, Op.DELETE))
    assert [(each.path, each.old, each.new) for each in comes.facts] == [
        ("instanceTypes", None, "g6.xlarge"),
        ("capacityType", None, "SPOT"),
        ("version", None, "(known after the update)"),
    ]
    assert next((each.path, each.old, each.new) for each in goes.facts) == ("instanceTypes", "g6.xlarge", None)
    changes = row(update(NODES, inputs, {**inputs, "capacityType": "ON_DEMAND"}))
    assert (changes.facts, [each.path for each in changes.differences]) == ((), ["capacityType"])


def test_facts_are_limited_and_contain_no_secret() -> None:
    inputs = dict.fromkeys(("name", "location", "region", "version", "engine", "size", "image"), "x" * 1000)
    found = row(change("acme:index:Box", Op.CREATE, inputs={**inputs, "name": Secret("a", b"1")})).facts
    assert len(found) == MAX_FACTS
    assert found[0].new == "(secret)"
    assert all(len(each.new or "") < 200 for each in found)


def test_a_replacement_because_of_an_unknown_value_may_happen() -> None:
    unknown = update(NODES, {"a": 1}, {"a": UNKNOWN}, op=Op.REPLACE, forced_by=("a",))
    known = update(NODES, {"a": 1}, {"a": 2}, op=Op.REPLACE, forced_by=("a",))
    assert [row(each).certainty for each in (unknown, known)] == [Certainty.MAY, Certainty.WILL]


def test_noise_and_omitted_differences_are_counted() -> None:
    old, new = (
        {**{str(number): number * side for number in range(1, 121)}, "size": size} for side, size in ((1, "5"), (2, 5))
    )
    found = row(update(NODES, old, new))
    assert (found.noise, len(found.differences) + found.more) == (1, 120)


def test_unknown_inputs_are_listed_by_resource() -> None:
    inputs = {"tags": {"a": UNKNOWN}, "tagsAll": {"a": UNKNOWN}, "subnetIds": ["x", UNKNOWN]}
    found = unknowns(plan(change(NODES, Op.CREATE, inputs=inputs), change(BUCKET, Op.SAME, name="b", inputs=inputs)))
    assert [(each.name, each.words, each.paths) for each in found] == [
        ("it", "EKS node group", ("tags.a", "subnetIds[1]"))
    ]
