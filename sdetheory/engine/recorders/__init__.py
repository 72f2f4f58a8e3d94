"""What is kept of a run: one file for each recorder."""
