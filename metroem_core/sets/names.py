"""What the files of a set are called."""

from __future__ import annotations

import re

import attrs

from ..geometry import Triple

PLACE = r"x(-?\d+)_y(-?\d+)_z(-?\d+)"
_pattern = re.compile(rf"(?:field_(\d+)_)?{PLACE}_MIP(\d+)(?:_([^/]+))?\.h5")


@attrs.frozen(order=True)
class FileName:
    """The name of a file in a set.

    >>> FileName((8, -4, 7), 5)
    FileName(place=(8, -4, 7), mip=5, tag='', stage=None)
    >>> str(FileName((8, -4, 7), 5, "test", stage=0))
    'field_0_x8_y-4_z7_MIP5_test.h5'

    :param place: x, y, z of the first source picture, in MIP0 voxels.
    :param mip: of its pixels.
    :param tag: for fields the checkpoint that made them; for pictures anything.
    :param stage: for fields, which module made them; None for pictures.
    """

    place: Triple
    mip: int
    tag: str = ""
    stage: int | None = None

    @classmethod
    def read(cls, name: str) -> FileName | None:
        """The parts of a file's name, or None when it is none of a set.

        >>> FileName.read("x8_y4_z7_MIP12_raw.h5")
        FileName(place=(8, 4, 7), mip=12, tag='raw', stage=None)
        >>> FileName.read("old_x8_y4_z7_MIP12.h5")
        """
        found = _pattern.fullmatch(name)
        if found is None:
            return None
        stage, x, y, z, mip, tag = found.groups()
        place = (int(x), int(y), int(z))
        return cls(place, int(mip), tag or "", None if stage is None else int(stage))

    @property
    def name(self) -> str:
        """The place, as names have it: ``x8_y-4_z7``."""
        x, y, z = self.place
        return f"x{x}_y{y}_z{z}"

    def __str__(self) -> str:
        head = "" if self.stage is None else f"field_{self.stage}_"
        tail = f"_{self.tag}" if self.tag else ""
        return f"{head}{self.name}_MIP{self.mip}{tail}.h5"
