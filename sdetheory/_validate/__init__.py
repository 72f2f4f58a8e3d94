"""Coercion and checks of arguments: the only place that does them.

Every function takes the argument's name first, so that the message can say which one is wrong, and returns the value
in the one dtype and layout that the code below relies on.
"""

from .arrays import box as box
from .arrays import each_row as each_row
from .arrays import extended as extended
from .arrays import integer as integer
from .arrays import integers as integers
from .arrays import positive_definite as positive_definite
from .arrays import positive_semidefinite as positive_semidefinite
from .arrays import real as real
from .arrays import reals as reals
from .arrays import symmetric as symmetric
from .arrays import vectors as vectors
from .messages import shown as shown
from .numbers import numbers as numbers
from .objects import called as called
from .objects import choice as choice
from .objects import file_path as file_path
from .objects import flag as flag
from .objects import folder_path as folder_path
from .objects import function as function
from .objects import having as having
from .objects import instance as instance
from .objects import mapping as mapping
from .objects import naming as naming
from .objects import text as text
from .seeds import generator as generator
from .seeds import seed_sequence as seed_sequence
