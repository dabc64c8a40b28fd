"""Whom IAM policies admit, and what they permit."""
