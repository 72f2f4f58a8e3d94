"""S. L. Smith et al., "Don't Decay the Learning Rate, Increase the Batch Size", ICLR 2018, arXiv:1711.00489."""
