"""Stationary laws in closed form or by quadrature, and the comparison of samples with them."""
