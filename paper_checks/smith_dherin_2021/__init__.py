"""S. L. Smith, B. Dherin, D. G. T. Barrett and S. De, "On the Origin of Implicit Regularization in SGD", ICLR 2021."""
