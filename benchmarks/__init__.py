"""Benchmarks. Each one runs next to a comparable twin and prints the ratio. `make bench` runs all of them."""
