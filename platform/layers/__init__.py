"""The layers of the platform: one module per domain, each of which creates the components of that domain."""
