"""What is known of expressions: facts under assumptions, where they are defined, algebra, integrals and sums."""
