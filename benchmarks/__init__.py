"""Measures what a run costs, in ratios within one run: `make bench`."""
