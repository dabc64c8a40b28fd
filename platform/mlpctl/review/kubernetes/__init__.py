"""Kubernetes objects: equal notations, pods, rights, quotas, volume claims, paths of nodes, API schemas."""
