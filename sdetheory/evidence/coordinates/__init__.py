"""Evidence and sharpness under changes of coordinates."""
