"""What minibatches do: moments of their gradients, and the noise scale that matches them."""
