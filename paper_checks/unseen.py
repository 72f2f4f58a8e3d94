"""Real images on which a bound is decided: the zeros and ones that it may have been found on, and others.

The bounds of the checks that use these pairs of digits were written down before anything had been computed of the last
four. A claim that holds obeys its bound on all five.
"""

PAIRS = ((0, 1), (2, 3), (4, 5), (6, 7), (8, 9))
