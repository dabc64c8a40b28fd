"""The layers of the platform: one module a domain, each a straight list of the components that it creates."""
