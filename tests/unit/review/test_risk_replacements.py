"""Dangers whose cause is another resource: replacements, unknown values and launch templates."""

from typing import Any

import pytest

from changes import change, plan, update, urn
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.plan.model import Change, Op
from mlpctl.review.report.model import Certainty, Harm
from mlpctl.review.types.kinds import kind
from mlpctl.review.values.plain import UNKNOWN
from unit.review.risks import (
    BUCKET,
    BUDGET,
    DATABASE,
    DEPLOYMENT,
    ENDPOINT,
    GPU,
    NODES,
    POLICY,
    ROLE,
    SERVICE,
    TEMPLATE,
    document,
    only,
)

PROVIDER = "pulumi:providers:kubernetes"


@pytest.mark.parametrize("type", [DATABASE, NODES, ROLE, SERVICE])
def test_a_replacement_names_its_cause(type: str) -> None:
    danger = only(update(type, {"x": 1}, {"x": 2}, op=Op.REPLACE, forced_by=("x",)))
    assert danger.text.startswith(f"Replaces the {kind(type).words} it: ")
    assert (danger.certainty, danger.because) == (Certainty.WILL, ("x: 1 → 2",))


def test_a_create_before_delete_replacement_with_the_same_address_interrupts_nothing() -> None:
    forced: dict[str, Any] = {"op": Op.REPLACE, "forced_by": ("x",)}
    assert dangers(plan(update(DEPLOYMENT, {"x": 1}, {"x": 2}, **forced))) == ()
    gap = only(update(DEPLOYMENT, {"x": 1}, {"x": 2}, deletes_first=True, **forced))
    assert (gap.harm, "until the new one exists" in gap.text) == (Harm.SERVING, True)
    moved = only(update(SERVICE, {"x": 1}, {"x": 2}, **forced))
    assert "another address" in moved.text


def test_a_replacement_because_of_an_unknown_value_may_happen_and_names_its_source() -> None:
    template = urn(TEMPLATE, "template")
    danger = dangers(
        plan(
            change(TEMPLATE, Op.REPLACE, name="template", inputs={"instanceType": "g6.xlarge"}),
            update(
                NODES,
                {**GPU, "launchTemplate": {"id": "lt-1"}},
                {**GPU, "launchTemplate": {"id": UNKNOWN}},
                op=Op.REPLACE,
                forced_by=("launchTemplate.id",),
                depends={"launchTemplate": (template,)},
            ),
        )
    )[0]
    assert (danger.harm, danger.certainty) == (Harm.CAPACITY, Certainty.MAY)
    assert danger.text.startswith("May replace the EKS node group it: ")
    assert danger.because == (
        "launchTemplate.id: lt-1 → (known after the update), since launch template template is replaced",
    )


def test_a_replacement_because_of_a_known_and_an_unknown_value_will_happen() -> None:
    danger = only(update(DATABASE, {"a": 1, "b": 1}, {"a": UNKNOWN, "b": 2}, op=Op.REPLACE, forced_by=("a", "b")))
    assert danger.certainty is Certainty.WILL


def test_an_unknown_policy_may_change_permissions() -> None:
    danger = only(
        change(BUCKET, name="b"),
        update(POLICY, {"policy": document()}, {"policy": UNKNOWN}, depends={"policy": (urn(BUCKET, "b"),)}),
    )
    assert (danger.harm, danger.certainty) == (Harm.IDENTITY, Certainty.MAY)
    assert danger.because[0].endswith("→ (known after the update), since S3 bucket b changes")


def test_another_type_in_the_launch_template_is_reported_for_the_nodes() -> None:
    template = urn(TEMPLATE, "template")
    nodes = {"amiType": "BOTTLEROCKET_x86_64_NVIDIA"}
    reported = dangers(
        plan(
            update(TEMPLATE, {"instanceType": "g6.2xlarge"}, {"instanceType": "g6e.2xlarge"}, name="template"),
            update(
                NODES,
                {**nodes, "launchTemplate": {"version": "1"}},
                {**nodes, "launchTemplate": {"version": UNKNOWN}},
                depends={"launchTemplate": (template,)},
            ),
        )
    )
    (danger,) = reported
    assert (danger.harm, danger.certainty) == (Harm.CAPACITY, Certainty.WILL)
    assert "g6e.2xlarge capacity may be unavailable" in danger.text
    assert danger.because[0] == "launchTemplate: g6.2xlarge → g6e.2xlarge"


def test_changed_tags_in_the_launch_template_replace_gpu_nodes_and_are_reported() -> None:
    def changes(type: str) -> tuple[Change, Change]:
        return (
            update(
                TEMPLATE,
                {"instanceType": type, "tags": {"a": "1"}},
                {"instanceType": type, "tags": {}},
                name="template",
            ),
            update(
                NODES,
                {"launchTemplate": {"version": "1"}},
                {"launchTemplate": {"version": UNKNOWN}},
                depends={"launchTemplate": (urn(TEMPLATE, "template"),)},
            ),
        )

    danger = only(*changes("g6.2xlarge"))
    assert (danger.certainty, "replaced one by one" in danger.text) == (Certainty.MAY, True)
    assert dangers(plan(*changes("m7i.large"))) == ()


def test_a_launch_template_is_also_found_by_its_id() -> None:
    danger = only(
        change(TEMPLATE, Op.SAME, name="template", inputs={"instanceType": "g6.2xlarge"}, id="lt-1"),
        change(NODES, Op.DELETE, inputs={"launchTemplate": {"id": "lt-1"}}),
    )
    assert "g6.2xlarge may not be available again" in danger.text


def test_an_endpoint_with_other_instances() -> None:
    configuration = "aws:sagemaker/endpointConfiguration:EndpointConfiguration"
    old, new = ({"productionVariants": [{"instanceType": each}]} for each in ("ml.g5.xlarge", "ml.g6.xlarge"))
    danger = only(
        update(configuration, old, new, name="c", op=Op.REPLACE),
        update(
            ENDPOINT,
            {"endpointConfigName": "a"},
            {"endpointConfigName": UNKNOWN},
            depends={"endpointConfigName": (urn(configuration, "c"),)},
        ),
    )
    assert (danger.harm, danger.because[0]) == (Harm.CAPACITY, "endpointConfigName: ml.g5.xlarge → ml.g6.xlarge")


def test_a_replaced_provider_replaces_its_objects() -> None:
    provider = change(
        PROVIDER,
        Op.REPLACE,
        name="cluster",
        forced_by=("kubeconfig",),
        old={"kubeconfig": "a"},
        new={"kubeconfig": UNKNOWN},
    )
    reported = dangers(plan(provider, change(BUDGET, Op.REPLACE, provider=provider.urn), change(ROLE, Op.SAME)))
    assert [(each.name, each.certainty) for each in reported] == [("cluster", Certainty.MAY)]
    assert "resources created with it: 1" in reported[0].text
    assert dangers(plan(change(PROVIDER, Op.DELETE))) == ()
