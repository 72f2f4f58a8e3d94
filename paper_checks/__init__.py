"""Every claim of a paper as a check that could have failed: `pytest paper_checks/` ends with a verdict for each."""
