"""Kubernetes objects: equal notations, volume claims, paths of nodes, API schemas."""
