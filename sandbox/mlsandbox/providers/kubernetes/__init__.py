"""The sandbox's resource provider for Pulumi's `kubernetes` package."""

from mlsandbox.providers.kubernetes.provider import KubernetesProvider, serve

__all__ = ["KubernetesProvider", "serve"]
