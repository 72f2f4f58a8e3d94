"""S. Jastrzębski et al., "Three Factors Influencing Minima in SGD", 2017, arXiv:1711.04623."""
