"""What the files of a set are called."""

from __future__ import annotations

import re

import attrs

from ..geometry import Triple

PLACE = r"x(-?\d+)_y(-?\d+)_z(-?\d+)"
LABELS = r"[A-Za-z][A-Za-z0-9_]*"
_pattern = re.compile(rf"(?:field_(\d+)_|labels_({LABELS}?)_)?{PLACE}_MIP(\d+)(?:_([^/]+))?\.h5")


@attrs.frozen(order=True)
class FileName:
    """The name of a file in a set.

    >>> FileName((8, -4, 7), 5)
    FileName(place=(8, -4, 7), mip=5, tag='', stage=None, labels='')
    >>> str(FileName((8, -4, 7), 5, "test", stage=0))
    'field_0_x8_y-4_z7_MIP5_test.h5'
    >>> str(FileName((8, -4, 7), 5, labels="crack"))
    'labels_crack_x8_y-4_z7_MIP5.h5'

    :param place: x, y, z of the first source picture, in MIP0 voxels.
    :param mip: of its pixels.
    :param tag: for fields the checkpoint that made them; for pictures anything, and for labels
        the same.
    :param stage: for fields, which module made them; None for others.
    :param labels: for labels, what they are called.
    """

    place: Triple
    mip: int
    tag: str = ""
    stage: int | None = None
    labels: str = ""

    @classmethod
    def read(cls, name: str) -> FileName | None:
        """The parts of a file's name, or None when it is none of a set.

        >>> FileName.read("x8_y4_z7_MIP12_raw.h5")
        FileName(place=(8, 4, 7), mip=12, tag='raw', stage=None, labels='')
        >>> FileName.read("old_x8_y4_z7_MIP12.h5")
        """
        found = _pattern.fullmatch(name)
        if found is None:
            return None
        stage, labels, x, y, z, mip, tag = found.groups()
        place, number = (int(x), int(y), int(z)), None if stage is None else int(stage)
        return cls(place, int(mip), tag or "", number, labels or "")

    @property
    def shows(self) -> bool:
        """Whether the file is of pictures."""
        return self.stage is None and not self.labels

    @property
    def name(self) -> str:
        """The place, as names have it: ``x8_y-4_z7``."""
        x, y, z = self.place
        return f"x{x}_y{y}_z{z}"

    def __str__(self) -> str:
        head = f"labels_{self.labels}_" if self.labels else ""
        head = head if self.stage is None else f"field_{self.stage}_"
        tail = f"_{self.tag}" if self.tag else ""
        return f"{head}{self.name}_MIP{self.mip}{tail}.h5"
