"""Random numbers that belong to places: hashes of integer coordinates.

Nothing keeps a state, so any part of the tissue can be computed at any time, alone.
"""

from __future__ import annotations

from functools import cache
from hashlib import blake2b

import numpy as np

FIRST, SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
ODD = np.uint64(0x9E3779B97F4A7C15)

Numbers = np.ndarray | int


@cache
def stream(seed: int, name: str) -> int:
    """The key of an endless supply of random numbers, one for every purpose."""
    return int.from_bytes(blake2b(f"{seed} {name}".encode(), digest_size=8).digest(), "little")


def bits(key: Numbers, *place: Numbers) -> np.ndarray:
    """64 random bits (uint64) for every place, given by its integer coordinates.

    They can be keys themselves: ``bits(bits(key, x), y)`` is ``bits(key, x, y)``.
    """
    mixed = np.atleast_1d(np.asarray(key, np.uint64))
    for coordinate in place:
        mixed = (mixed ^ np.asarray(coordinate, np.int64).astype(np.uint64)) * ODD
        mixed = (mixed ^ (mixed >> np.uint64(30))) * FIRST
        mixed = (mixed ^ (mixed >> np.uint64(27))) * SECOND
        mixed = mixed ^ (mixed >> np.uint64(31))
    return mixed


def uniform(key: Numbers, *place: Numbers) -> np.ndarray:
    """A random number (float32) from 0 to less than 1 for every place."""
    return (bits(key, *place) >> np.uint64(40)).astype(np.float32) * 2.0**-24


def signed(key: Numbers, *place: Numbers) -> np.ndarray:
    """A random number (float32) from -1 to less than 1 for every place."""
    return 2 * uniform(key, *place) - 1


def direction(key: Numbers, *place: Numbers) -> tuple[np.ndarray, np.ndarray]:
    """The x and y (float32) of a random vector of length 1 for every place."""
    keys = bits(key, *place)
    x, y = signed(keys, 0), signed(keys, 1)
    length = np.sqrt(x * x + y * y) + 1e-6
    return x / length, y / length


def how_many(rate: float, key: int, z: int) -> int:
    """How many there are in a section, when there are ``rate`` of them on average."""
    return int(rate + uniform(key, z)[0])
