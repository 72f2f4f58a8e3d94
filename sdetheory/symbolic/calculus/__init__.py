"""Stochastic calculus: Itô's formula, forward and backward equations, stationary laws, expansions."""
