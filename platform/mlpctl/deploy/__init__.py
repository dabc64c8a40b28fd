"""Deploy a stack on a runner in the network of its cluster."""
