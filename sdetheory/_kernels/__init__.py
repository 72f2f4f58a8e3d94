"""Machine code: every compiled kernel, and the cache of generated ones. Numba and numpy only; nothing here validates.

A cached kernel and every helper that it calls stand in one file, because Numba's cache notices an edit of the kernel's
own file and of no other.
"""
