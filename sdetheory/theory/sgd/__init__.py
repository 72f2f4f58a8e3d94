"""Exact laws of SGD on quadratic costs and least squares."""
