"""Z. Xie, I. Sato and M. Sugiyama, "A Diffusion Theory For Deep Learning Dynamics", ICLR 2021."""
