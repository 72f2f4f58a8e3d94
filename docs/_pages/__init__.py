"""The pages that are written at each build, one module each with ``write(docs)``; what takes long is kept in .cache."""
