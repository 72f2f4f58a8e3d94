"""P. Chaudhari and S. Soatto, "SGD performs variational inference, converges to limit cycles", ICLR 2018."""
