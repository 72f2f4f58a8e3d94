"""Runs: one loop for every pair of a process, which moves, and a recorder, which keeps something of it."""
