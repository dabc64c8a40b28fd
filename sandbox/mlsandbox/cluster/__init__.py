"""The Kubernetes control plane, and what EKS does in it."""
