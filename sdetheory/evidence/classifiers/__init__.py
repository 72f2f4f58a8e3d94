"""Evidence of models without closed form: Laplace's method and its reference integrals."""
