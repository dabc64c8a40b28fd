"""Releases as Helm records them, and the definitions of charts."""

from typing import Any

import pytest
import yaml

from mlsandbox.providers.kubernetes.helm import charts, releases
from mlsandbox.providers.kubernetes.helm.record import Revision, revisions
from mlsandbox.providers.protocol import UNKNOWN, Subject, path_text

SUBJECT = Subject("urn:pulumi:local::mlplatform::kubernetes:helm.sh/v3:Release::kueue", "", "kueue")

REVISION = Revision(
    name="kueue",
    namespace="kueue-system",
    number=2,
    chart="oci://registry.k8s.io/kueue/charts/kueue",
    version="0.19.2",
    values={"a": {"b": 1}},
    description="d",
    first_deployed="2026-01-01T00:00:00.000000Z",
    last_deployed="2026-01-02T00:00:00.000000Z",
)


def test_a_record_is_a_secret_of_helms_form_and_reads_back() -> None:
    secret = REVISION.secret()
    assert secret["metadata"]["name"] == "sh.helm.release.v1.kueue.v2"
    assert secret["type"] == "helm.sh/release.v1"
    assert secret["metadata"]["labels"] == {
        "owner": "helm",
        "name": "kueue",
        "status": "deployed",
        "version": "2",
        "modifiedAt": "1767312000",
    }
    read = Revision.of(secret)
    assert read is not None and read.values == {"a": {"b": 1}} and read.chart == "kueue" and read.number == 2


def test_revisions_come_in_order_and_strange_secrets_are_passed_over() -> None:
    earlier = Revision(**{**vars(REVISION), "number": 1}).superseded()
    found = revisions(iter([REVISION.secret(), {"data": {"release": "AAAA"}}, {"metadata": {}}, earlier.secret()]))
    assert [(one.number, one.status) for one in found] == [(1, "superseded"), (2, "deployed")]


@pytest.mark.parametrize(
    ("chart", "name"),
    [
        ("kueue", "kueue"),
        ("oci://public.ecr.aws/karpenter/karpenter", "karpenter"),
        ("jetstack/cert-manager", "cert-manager"),
        ("./charts/keda/", "keda"),
        ("https://example.com/lws.tgz", "lws"),
    ],
)
def test_a_chart_is_known_wherever_it_comes_from(chart: str, name: str) -> None:
    assert charts.chart_name(chart) == name
    assert charts.find(chart) is charts.table().charts[name]


def test_an_unknown_chart_brings_nothing() -> None:
    assert charts.find("my-own-chart") is None


def test_every_chart_of_the_table_gives_sound_definitions() -> None:
    for name, chart in charts.table().charts.items():
        made = list(charts.definitions(chart))
        assert made and charts.releases(chart), name
        for definition in made:
            spec = definition["spec"]
            assert definition["metadata"]["name"] == f"{spec['names']['plural']}.{spec['group']}"
            assert [one["storage"] for one in spec["versions"]].count(True) == 1, definition["metadata"]["name"]


def test_no_project_of_the_table_is_without_a_chart() -> None:
    used = {project for chart in charts.table().charts.values() for project in chart.projects}
    assert used == charts.table().projects.keys()


@pytest.mark.parametrize(
    ("chart", "values", "installs"),
    [
        ("cert-manager", {}, False),
        ("cert-manager", {"crds": {"enabled": True}}, True),
        ("keda", {}, True),
        ("keda", {"crds": {"install": False}}, False),
        ("kueue", {"anything": 1}, True),
    ],
)
def test_a_charts_own_switch_is_honoured(chart: str, values: dict[str, Any], installs: bool) -> None:
    found = charts.find(chart)
    assert found is not None and found.installs(values) is installs


def check(news: dict[str, Any], olds: dict[str, Any] | None = None) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    inputs, failures = releases.check(SUBJECT, olds or {}, news, b"seed", "default")
    return inputs, [(failure.path, failure.reason) for failure in failures]


def test_a_release_gets_a_name_and_keeps_it() -> None:
    inputs, failures = check({"chart": "kueue", "compat": "true"})
    assert not failures and inputs["name"].startswith("kueue-") and inputs["namespace"] == "default"
    assert "compat" not in inputs
    assert check({"chart": "kueue"}, inputs)[0] == inputs


def test_a_wrong_release_is_refused() -> None:
    _, failures = check({"vales": {}})
    assert failures == [
        ("vales", "vales is not a property of a Helm release. Did you mean values?"),
        ("chart", "chart is missing; a Helm release needs the chart's name or address."),
    ]
    _, failures = check({"chart": "kueue", "valueYamlFiles": [{"path": "values.yaml"}]})
    assert failures[0][0] == "valueYamlFiles" and "absolute path" in failures[0][1]


def test_values_of_files_come_under_values() -> None:
    asset = {"text": yaml.safe_dump({"a": {"x": 1, "y": 1}, "b": [1]})}
    inputs = {"chart": "kueue", "valueYamlFiles": [asset], "values": {"a": {"y": 2}, "b": [2]}}
    assert releases._values(inputs) == {"a": {"x": 1, "y": 2}, "b": [2]}


def test_only_another_name_or_namespace_is_another_release() -> None:
    olds = {"chart": "kueue", "name": "k", "namespace": "n", "values": {"a": 1}}
    news = {"chart": "kueue", "name": "k", "namespace": "m", "values": {"a": 2}}
    found = {path_text(one.path): one.replaces for one in releases.difference(olds, news).changes}
    assert found == {"namespace": True, "values.a": False}


def test_a_preview_tells_what_is_known() -> None:
    outputs = releases.foreseen({"chart": UNKNOWN, "name": "k", "namespace": "n"}, None)
    assert outputs["status"] == {
        "name": "k",
        "namespace": "n",
        "version": UNKNOWN,
        "chart": UNKNOWN,
        "revision": UNKNOWN,
        "status": "deployed",
    }
    assert "not rendered" in outputs["description"]
