"""Helm releases, recorded as Helm records them and not rendered."""

from mlpctl.sandbox.kubernetes.helm.releases import Releases

__all__ = ["Releases"]
