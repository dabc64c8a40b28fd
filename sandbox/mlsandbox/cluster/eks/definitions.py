"""The CustomResourceDefinitions that add-ons bring: their pods do not run here, objects of their kinds are kept."""

from collections.abc import Iterable
from urllib.parse import quote

from mlsandbox.cluster.eks.kube import Kube, Object
from mlsandbox.providers.kubernetes.helm import charts

CHARTS = {"aws-secrets-store-csi-driver-provider": "secrets-store-csi-driver-provider-aws"}
"""The chart that an add-on is made of, for those that bring definitions."""

_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_LABELS = {"app.kubernetes.io/managed-by": "eks"}


def of(addons: Iterable[str]) -> dict[str, Object]:
    """The definitions that these add-ons bring, by name."""
    found = [charts.table().charts[CHARTS[addon]] for addon in addons if addon in CHARTS]
    made = [definition for chart in found for definition in charts.definitions(chart)]
    return {one["metadata"]["name"]: {**one, "metadata": {**one["metadata"], "labels": _LABELS}} for one in made}


def sync(kube: Kube, addons: Iterable[str]) -> None:
    """Register what the add-ons bring, and remove what those brought that are gone."""
    wanted = of(addons)
    selector = quote(",".join(f"{key}={value}" for key, value in _LABELS.items()))
    present = {item["metadata"]["name"] for item in kube.items(f"{_DEFINITIONS}?labelSelector={selector}")}
    for name in present - wanted.keys():
        kube.delete(f"{_DEFINITIONS}/{name}")
    for name in wanted.keys() - present:
        kube.apply(f"{_DEFINITIONS}/{name}", wanted[name])
