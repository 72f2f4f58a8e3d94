"""Exact evidence of linear models, from one decomposition of the data."""
