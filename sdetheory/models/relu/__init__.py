"""What a network of rectified units computes: both ways through it, and the derivatives of its outputs."""
