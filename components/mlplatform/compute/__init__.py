"""Clusters and the nodes that join them."""
