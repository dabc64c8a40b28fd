"""The Kubernetes control plane, and the actions of EKS in it."""
