"""Sections of a stack file that reviews read too. They import neither Pulumi nor the library."""
