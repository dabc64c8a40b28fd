"""Estimates the monthly cost of a plan."""
