"""What the package asks of a model, and whether a model answers rightly."""
