"""Runs: one loop for every pair of a process and a recorder, with all that long runs need."""
