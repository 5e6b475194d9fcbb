"""Sets: folders of pairs for training, as the older programs write them and as we do.

A set holds pictures in ``<NAME>_MIP<m>.h5``, fields in
``field_<stage>_<NAME>_MIP<m>_<tag>.h5`` and labels, as of cracks, in
``labels_<which>_<NAME>_MIP<m>.h5``, where NAME is ``x<X>_y<Y>_z<Z>``, the place of the first
source picture. The pictures of a NAME at several mips are of the same pairs: a series.
``set.json`` says what else is known: where every pair is, which pairs validate, how it was made.
Sets without it are read too.

Pictures (pairs, 2, X, Y) are float32, source before target, and 0 where there are no data. Fields
(pairs, 2, X, Y) are in pixels of their mip; component 0 points along the last axis. Labels
(pairs, 2, X, Y) are uint8, of the source before those of the target.

Stacks of sections in an HDF5 file are read as sets, too.
"""

from .about import ABOUT, merged, read_about, write_about
from .folder import read_set
from .layout import chunks_of, copy_chunks, create_field, create_images, full
from .names import FileName
from .read import PairSet, Sample, Series, SetFile
from .stacks import read_pairs

__all__ = [
    "ABOUT",
    "FileName",
    "PairSet",
    "Sample",
    "Series",
    "SetFile",
    "chunks_of",
    "copy_chunks",
    "create_field",
    "create_images",
    "full",
    "merged",
    "read_about",
    "read_pairs",
    "read_set",
    "write_about",
]
