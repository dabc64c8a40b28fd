"""Benchmarks: each compares with a twin in the same run, and prints ratios. `make bench` runs them all."""
