"""The control plane as EKS changes it: nodes of node groups, access policies, and a clean end."""
