"""Firewalls of all clouds: what becomes reachable, and which rules mean the same."""
