"""Admission policies for all pods of a cluster, and namespaces with guards."""

from mlplatform.security.cluster_guardrails.component import ClusterGuardrails, ClusterGuardrailsArgs
from mlplatform.security.cluster_guardrails.spec import ClusterGuardrailsSpec

__all__ = ["ClusterGuardrails", "ClusterGuardrailsArgs", "ClusterGuardrailsSpec"]
