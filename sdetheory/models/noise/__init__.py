"""The noise of minibatch gradients: its covariance, scale and shape, and the Fisher information."""
