"""Lengths as formats write them, in nanometres."""

from __future__ import annotations

import numpy as np

from metroem_core.errors import UserError

NANOMETRES = {
    "nm": 1.0,
    "nanometer": 1.0,
    "nanometre": 1.0,
    "angstrom": 0.1,
    "um": 1e3,
    "µm": 1e3,
    "micron": 1e3,
    "micrometer": 1e3,
    "micrometre": 1e3,
    "mm": 1e6,
    "millimeter": 1e6,
    "millimetre": 1e6,
    "m": 1e9,
    "meter": 1e9,
    "metre": 1e9,
}


def nanometres(unit: object, where: str) -> float:
    """How many nanometres a unit has; without a name, it is one."""
    if not unit:
        return 1.0
    if not isinstance(unit, str) or unit.lower() not in NANOMETRES:
        raise UserError(f"{where}: {unit!r} is not a unit of length; voxels are in nanometer")
    return NANOMETRES[unit.lower()]


def triple(value: object, where: str) -> np.ndarray:
    """Numbers along z, y, x, from three of them or from one for all."""
    given = np.asarray(value)
    if given.dtype.kind not in "uif" or given.size not in (1, 3):
        raise UserError(f"{where} must be three numbers, along z, y, x: {value}")
    return np.broadcast_to(given.ravel().astype(float), 3)
