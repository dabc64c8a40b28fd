"""The changes that EKS makes in the control plane: nodes of node groups, access policies, and the cleanup."""
