"""A local AWS API and a real Kubernetes control plane to bring a stack up in."""
