"""Derivations to be read: each module narrates the symbolic proofs of one result and ends by meeting the numerics."""
