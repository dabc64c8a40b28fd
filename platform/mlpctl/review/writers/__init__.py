"""Writes a report as text, Markdown, HTML and SARIF."""
