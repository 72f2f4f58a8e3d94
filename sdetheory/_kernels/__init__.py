"""Machine code: every compiled kernel, and the cache of generated ones. Numba and numpy only; nothing here validates.

A kernel may call helpers of other files: the cache notices an edit of those, too (see ``_cache``).
"""

import numba

if numba.config.DISABLE_JIT:
    raise ImportError(
        "the simulators and landscapes of sdetheory are machine code, and Numba makes none while NUMBA_DISABLE_JIT "
        "is set. Unset it; sdetheory.theory, evidence, models and symbolic do without."
    )
