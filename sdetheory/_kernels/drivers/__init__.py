"""Kernels that advance ensembles: a file for each thing that is recorded on the way, and what they share."""
