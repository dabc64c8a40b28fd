"""Permissions of workloads."""
