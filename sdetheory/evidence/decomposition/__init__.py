"""Decompositions of a design matrix: scaled, graded, and in twice the working precision where that counts."""
