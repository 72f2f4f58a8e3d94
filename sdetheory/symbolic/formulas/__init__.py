"""From a reader's text or objects to SymPy's expressions within limits, and on to source code."""
