"""Bad calls of every public callable: what there is, how it is called rightly, and what may come of a wrong argument."""
