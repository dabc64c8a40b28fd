"""Reports as Markdown: what comes first, and what remains when they are shortened."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlpctl.review.plan.model import Op
from mlpctl.review.report.model import Danger, Difference, Harm, Origin, Report
from mlpctl.review.writers.markdown import LEAST, LIMIT, markdown
from mlpctl.review.writers.pieces import folded
from unit.review import reports
from unit.review.hostile import NAMES
from unit.review.test_inert import github

LOST = re.compile(r"will replace S3 bucket(?: in [^:]*)?: ([\d,]+)")


def size(text: str) -> int:
    return len(text.encode())


def expanded(text: str) -> list[str]:
    """Expand the names of a brace pattern."""
    match = re.search(r"\{([^{}]*)\}", text)
    if not match:
        return [text]
    found: list[str] = []
    for part in match[1].split(","):
        ends = re.fullmatch(r"(\d+)\.\.(\d+)", part)
        numbers = [f"{n:0{len(ends[1])}}" for n in range(int(ends[1]), int(ends[2]) + 1)] if ends else [part]
        for each in numbers:
            found += expanded(text[: match.start()] + each + text[match.end() :])
    return found


def renamed(report: Report, name: Callable[[str], str]) -> Report:
    """The report with other names."""
    groups = [
        each.model_copy(update={"rows": [row.model_copy(update={"name": name(row.name)}) for row in each.rows]})
        for each in report.groups
    ]
    dangers = [each.model_copy(update={"name": name(each.name)}) for each in report.dangers]
    return report.model_copy(update={"groups": groups, "dangers": dangers})


def lost(report: Report) -> list[str]:
    """Names of all destroyed resources."""
    return [row.name for group in report.groups for row in group.rows if row.op in (Op.DELETE, Op.REPLACE)]


@pytest.mark.parametrize("make", reports.ALL)
def test_the_text_never_exceeds_githubs_limit(make: Callable[[], Report]) -> None:
    text = markdown(make())
    assert size(text) <= LIMIT
    assert text.startswith("<!-- mlpctl review mlplatform%2Fprod -->\n") or make is reports.database_replaced


def test_the_verdict_comes_first() -> None:
    lines = [line for line in markdown(reports.pool_changed()).splitlines() if line]
    assert lines[2:5] == ["> [!CAUTION]", "> **2 replace, 1 update; `+$7,039` per month**", ">"]
    assert "1 will drop capacity, 1 may interrupt serving" in lines[5]


def test_the_sections_are_in_order_of_importance() -> None:
    report = reports.pool_changed().model_copy(
        update={
            "limits": reports.limits_broken().limits,
            "invalid": reports.limits_broken().invalid,
            "unchecked": reports.first_creation().unchecked,
            "messages": ["warning: slow"],
        }
    )
    headings = re.findall(r"^### (Cost|[^(\n]+)", markdown(report), re.MULTILINE)
    assert [each.strip() for each in headings] == [
        "Dangers",
        "Cost",
        "Limits",
        "Rejected by the Kubernetes API schemas",
        "Changes",
        "Known only after the update",
        "Not checked",
        "Engine messages",
    ]


def test_a_danger_is_one_sentence_with_its_component_cause_and_safeguard() -> None:
    text = markdown(reports.pool_changed())
    assert (
        "- 🔴 **will drop capacity**: Will replace Node group `inference-nodes` in `GpuNodePool inference`: "
        "Two `g5.12xlarge` go; whether AWS has `g6e.12xlarge` free, nobody knows. "
        "Because of `instanceTypes[0]: g5.12xlarge → g6e.12xlarge`. Not protected.\n"
    ) in text
    assert " Protected, retained.\n" in markdown(reports.bucket_deleted())


def test_a_sentence_names_its_resource_once() -> None:
    bucket = reports.row("S3 bucket", "models-bucket", Op.DELETE)
    sentence = "Deletes the S3 bucket models-bucket: every object in it is lost."
    danger = reports.danger(bucket, "DataBucket models", Harm.DATA, sentence)
    text = markdown(reports.report(dangers=[danger]))
    line = "Deletes the S3 bucket `models-bucket` in `DataBucket models`: every object in it is lost. Not protected.\n"
    assert f"- 🔴 **will destroy data**: {line}" in text


def test_a_change_without_a_deletion_is_not_called_unprotected() -> None:
    group = reports.row("VPC", "net", Op.UPDATE)
    text = markdown(
        reports.report(dangers=[reports.danger(group, "", Harm.IDENTITY, "Changes the VPC net: it is open.")])
    )
    assert "Changes the VPC `net`: it is open.\n" in text


@pytest.mark.parametrize(("count", "folded"), [(12, False), (15, False), (16, True), (40, True)])
def test_dangers_beyond_one_screen_are_collapsed(count: int, folded: bool) -> None:
    rows = [reports.row("S3 bucket", f"b{number}", Op.DELETE) for number in range(count)]
    text = markdown(reports.report(dangers=[reports.danger(row, "", Harm.DATA) for row in rows]))
    opened = text.split("<details>")[0]
    assert (f"<details><summary>and {count - 12} dangers more</summary>" in text) is folded
    assert opened.count("will destroy data**:") == (12 if folded else count)
    assert text.count("will destroy data**:") == count


@pytest.mark.engine  # takes seconds
def test_the_worst_of_thousands_are_sentences_and_all_names_are_collapsed() -> None:
    text = markdown(reports.many(destructive=400))
    losses = text.split("### Cost")[0]
    assert losses.split("<details>")[0].count("will destroy data**:") == 12
    assert "<details><summary>All 200 by name</summary>" in losses
    assert losses.count("<details>") == losses.count("</details>")


def test_the_cost_by_resource_is_collapsed_below_the_cost_by_component() -> None:
    text = markdown(reports.pool_changed())
    table = text.split("<details><summary>Cost by resource (")[1].split("</details>")[0]
    assert "| Node group `inference-nodes` | 8,281 | 15,319 | +7,039 |" in table
    assert table.index("inference-nodes") < table.index("training-nodes")


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (reports.bucket_deleted, "CAUTION"),
        (reports.incomplete, "WARNING"),
        (reports.nothing, "NOTE"),
        (reports.only_tags, "NOTE"),
    ],
)
def test_the_alert_level_of_a_review(make: Callable[[], Report], kind: str) -> None:
    assert f"> [!{kind}]" in markdown(make())


@pytest.mark.parametrize("op", [Op.DELETE, Op.REPLACE])
def test_every_deletion_causes_a_warning(op: Op) -> None:
    rows = [reports.group("X x", "", [reports.row("Launch template", "t", op)])]
    assert "> [!WARNING]" in markdown(reports.report(rows))


def test_it_contains_its_origin() -> None:
    origin = Origin(
        commit="0123456789abcdef", run_url="https://ci.example/run/7", time="2026-11-28 22:10 UTC", version="1.2.3"
    )
    text = markdown(reports.nothing().model_copy(update={"origin": origin}))
    line = (
        "<sub>commit `0123456789ab` · [run](<https://ci.example/run/7>) · `2026-11-28 22:10 UTC` · mlpctl `1.2.3`</sub>"
    )
    assert line in text
    assert "<sub>" not in markdown(reports.nothing())


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (reports.nothing, "No action is needed before the update."),
        (reports.database_replaced, "Back up the data that is destroyed"),
        (reports.bucket_deleted, "Remove the protection first"),
        (reports.limits_broken, "Correct the rejected objects. Reduce the change"),
        (reports.incomplete, "Run the preview again"),
        (reports.pool_changed, "Monitor the update"),
    ],
)
def test_it_contains_the_next_step(make: Callable[[], Report], says: str) -> None:
    assert says in markdown(make()).split("**Next:** ")[1].split("\n")[0]


def test_a_reason_other_than_a_property_is_next_to_its_resource() -> None:
    row = reports.row("Launch template", "t", Op.REPLACE, reasons=("it is tainted",))
    text = markdown(reports.report([reports.group("X x", "", [row])]))
    assert "Launch template `t` in `X x`, because of `it is tainted`" in text
    assert "**will replace** Launch template `t` · `it is tainted`" in text


def test_possible_and_certain_replacements_are_distinguished() -> None:
    text = markdown(reports.pool_changed())
    assert "- 🟠 **may interrupt serving** (unknown input): May replace Deployment" in text
    assert "**will replace** Node group `inference-nodes`" in text
    assert "**may replace** (unknown input) Deployment `assistant-deployment`" in text


def test_a_difference_is_a_diff_that_marks_forced_replacements() -> None:
    block = "! kmsKeyId forces the replacement\n- kmsKeyId: alias/aws/rds\n+ kmsKeyId: alias/features\n"
    assert block in markdown(reports.database_replaced())


def test_noise_is_counted() -> None:
    assert "`network-private-us-east-1a` · 4 insignificant differences hidden" in markdown(reports.only_tags())


def test_costs_are_listed_by_component_with_their_assumptions() -> None:
    text = markdown(reports.first_creation())
    assert "| `GpuNodePool training` | 0.00 | 40,179 | +40,179 | 0.00 | 80,358 |  |" in text
    assert "- Unpriced, not included in the totals: 1 resource\n  - Image repository (1): no source\n" in text
    assert "- Older than 90 days: 1 price" in text
    assert "`s3StorageGb = 500 GB (stack config)`" in text


def test_an_unpriced_resource_never_costs_zero() -> None:
    assert "| `ImageRegistry images` | — | — | — |  |  | 1 |" in markdown(reports.first_creation())


def test_a_sandbox_plan_is_labeled() -> None:
    assert "Sandbox plan" in markdown(reports.first_creation())
    assert "Sandbox plan" not in markdown(reports.bucket_deleted())


def test_an_incomplete_plan_is_a_warning() -> None:
    text = markdown(reports.incomplete())
    assert "> [!WARNING]" in text
    assert "may be incomplete: The program failed before it came to its end." in text


def test_exceeded_limits_and_rejected_objects_are_at_the_top() -> None:
    top = markdown(reports.limits_broken()).split("###")[0]
    assert "> [!CAUTION]" in top
    assert "❌ 1 limit exceeded" in top
    assert "❌ 1 object rejected" in top


def test_nothing_that_fits_is_omitted() -> None:
    for make in reports.ALL[:-1]:
        assert "not shown" not in markdown(make())


@pytest.mark.engine  # takes seconds
@pytest.mark.parametrize("count", [0, 40, 400, 2_000])
def test_everything_destroyed_is_named_among_2000(count: int) -> None:
    report = reports.many(destructive=count)
    text = markdown(report)
    assert size(text) <= LIMIT
    losses = text.split("### Cost")[0]
    for name in lost(report):
        assert name in losses
    assert len(lost(report)) == count
    assert "not shown here.*" in text
    assert text.endswith("are complete.*\n")


@pytest.mark.engine  # takes seconds
def test_2000_names_of_any_form_are_included() -> None:
    report = renamed(reports.many(destructive=2_000), lambda name: f"{name[6:10]}-{int(name[6:10]) * 7919:020x}")
    losses = markdown(report).split("### Cost")[0]
    assert all(name in losses for name in lost(report))


@pytest.mark.engine  # takes seconds
def test_2000_long_names_are_abbreviated_to_readable_patterns() -> None:
    report = renamed(
        reports.many(destructive=2_000), lambda name: f"{name}-of-the-training-data-of-a-long-gone-project"
    )
    losses = markdown(report).split("### Cost")[0]
    assert {name for line in losses.splitlines() for name in expanded(line.strip())} >= {*lost(report)}


@pytest.mark.engine  # takes seconds
def test_if_names_do_not_fit_the_number_of_the_others_is_exact() -> None:
    report = renamed(
        reports.many(destructive=2_000), lambda name: f"{int(name[6:10]) * 7919:060x}".translate({48: "q"})
    )
    text = markdown(report)
    assert size(text) <= LIMIT
    losses = text.split("### Cost")[0]
    shown = sum(name in losses for name in lost(report))
    more = sum(int(number.replace(",", "")) for number in re.findall(r"and ([\d,]+) more", losses))
    assert shown > 700
    assert shown + more == 2_000


@pytest.mark.engine  # takes seconds
@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.sampled_from(Op), st.sampled_from([*NAMES.values()]), st.booleans()), max_size=60),
    st.integers(min_value=LEAST, max_value=LIMIT),
)
def test_every_shortened_form_is_well_formed(resources: list[tuple[Op, str, bool]], limit: int) -> None:
    rows = [
        reports.row(name, f"{number}{name}", op, reports.difference(name, name, name * 3, forces=True))
        for number, (op, name, _) in enumerate(resources)
    ]
    dangers: list[Danger] = [
        reports.danger(row, name, Harm.DATA, name * 10)
        for row, (_, name, danger) in zip(rows, resources, strict=True)
        if danger
    ]
    groups = [reports.group(row.name, row.name, [row] * 20) for row in rows]
    text = markdown(reports.report(groups, dangers=dangers, messages=[name for _, name, _ in resources]), limit)
    assert size(text) <= limit
    opened = [tag.split()[0] for tag in github(text).tags]
    for tag in ("details", "summary", "table", "tr", "p", "ul"):
        assert opened.count(tag) == opened.count(f"/{tag}")
    assert opened.count("h3") == len(re.findall(r"^### ", re.sub(r"(?ms)^(`{3,}).*?^\1$", "", text), re.MULTILINE))


def test_a_limit_that_is_too_low_is_rejected() -> None:
    with pytest.raises(ValueError, match="limit is 100 bytes"):
        markdown(reports.nothing(), 100)


@given(st.lists(st.from_regex(r"[a-z0-9]{1,4}(-[a-z0-9]{1,4}){0,3}", fullmatch=True), max_size=40))
def test_patterns_contain_exactly_the_original_names(names: list[str]) -> None:
    assert sorted(each for line in folded(names) for each in expanded(line)) == sorted({*names})


def test_consecutive_names_form_a_range() -> None:
    assert folded([f"pool-{number}-nodes" for number in (1, 2, 3, 4, 9)]) == ["pool-{1..4,9}-nodes"]
    assert folded(["net-a", "net-b", "a,b{c}"]) == ["net-{a,b}", "a,b{c}"]


def test_the_diagram_colors_components_by_their_most_severe_change() -> None:
    text = markdown(reports.pool_changed())
    assert 'c0["GpuNodePool inference<br/>1 replace 1 update"]:::will' in text
    assert 'c1["InferenceService assistant<br/>1 replace"]:::may' in text
    assert "c1 --> c0" in text
    assert "mermaid" not in markdown(reports.many())


def test_multiline_texts_are_shown_by_their_differing_lines() -> None:
    change = Difference(
        path="userData",
        old="(2 lines)",
        new="(2 lines)",
        forces=False,
        excerpt="@@ -1,2 +1,2 @@\n one\n-two\n+``` three",
    )
    text = markdown(
        reports.report(groups=[reports.group("X x", "", [reports.row("VPC", "x", Op.UPDATE, change, more=7)])])
    )
    assert (
        "  userData: (2 lines) → (2 lines)\n@@ -1,2 +1,2 @@\n one\n-two\n+``` three\n  and 7 differences more" in text
    )
