"""Bad calls of every public callable: how each is called rightly, and what may come of a wrong argument."""
