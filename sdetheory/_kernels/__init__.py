"""Machine code: every compiled kernel, and the cache of generated ones. Numba and numpy only; nothing here validates.

A cached kernel and every helper that it calls stand in one file, because Numba's cache notices an edit of the kernel's
own file and of no other.
"""

import numba

if numba.config.DISABLE_JIT:
    raise ImportError(
        "the simulators and landscapes of sdetheory are machine code, and Numba makes none while NUMBA_DISABLE_JIT "
        "is set. Unset it; sdetheory.theory, evidence, models and symbolic do without."
    )
