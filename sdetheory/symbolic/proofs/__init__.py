"""Derivations: the rules that count as proof, the search for counterexamples, and how both are written down."""
