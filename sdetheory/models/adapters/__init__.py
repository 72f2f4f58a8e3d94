"""Modules of PyTorch and functions of JAX as models; either is imported when it is first asked for."""
