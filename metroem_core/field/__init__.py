"""Displacement fields: from where every pixel takes its value.

A field is a tensor (N, 2, H, W) in pixels of its own mip: ``warped(p) = image(p + field(p))``.
Component 0 points along the last axis (x), component 1 along the second-last (y). A vector with
a component that is not finite is invalid.
"""

from .affine import affine
from .inverse import left_inverse, right_inverse, round_trip
from .jacobian import fold_mask, jacobian_determinant, least_area
from .sampling import Padding, compose, sample, sample_valid
from .scaling import down, up
from .smooth import random_smooth
from .statistics import length, max_vector, mean_vector, min_vector
from .storage import pack, unpack
from .units import (
    from_corner_grid,
    from_corner_units,
    from_half_images,
    to_corner_grid,
    to_corner_units,
    to_half_images,
)
from .validity import HALF, average_valid, finite
from .voting import priority_vote, vote

__all__ = [
    "HALF",
    "Padding",
    "affine",
    "average_valid",
    "compose",
    "down",
    "finite",
    "fold_mask",
    "from_corner_grid",
    "from_corner_units",
    "from_half_images",
    "jacobian_determinant",
    "least_area",
    "left_inverse",
    "length",
    "max_vector",
    "mean_vector",
    "min_vector",
    "pack",
    "priority_vote",
    "random_smooth",
    "right_inverse",
    "round_trip",
    "sample",
    "sample_valid",
    "to_corner_grid",
    "to_corner_units",
    "to_half_images",
    "unpack",
    "up",
    "vote",
]
