"""Helm releases, recorded as Helm records them and not rendered."""

from mlsandbox.providers.kubernetes.helm.releases import Releases

__all__ = ["Releases"]
