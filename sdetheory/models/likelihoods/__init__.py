"""What an example costs, given its linear predictor: one file for each likelihood.

Nothing lists them. A model has a likelihood, and whoever needs one asks the model for it.
"""
