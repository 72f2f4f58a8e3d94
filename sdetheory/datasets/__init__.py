"""Data to train on: real images, files of them, and the randomization of labels."""

from .. import _display
from .dataset import Dataset as Dataset
from .idx import idx as idx
from .mnist import mnist as mnist
from .random_labels import random_labels as random_labels

__all__ = ["Dataset", "idx", "mnist", "random_labels"]

# help() prints headings in overstruck letters, which no search finds: the names stand here in plain ones.
__doc__ = f"{__doc__}\nPublic names: {', '.join(__all__)}.\n"
_display.equip(vars())
