"""How the arrays of a batch lie beside each other, and which sections they show."""

from __future__ import annotations

import attrs
import torch

from metroem_core.batch import Array, Batch
from metroem_core.errors import UserError
from metroem_core.geometry import Box, Triple

SIDES = ("src", "tgt")


@attrs.frozen
class Frame:
    """What encloses all arrays of a batch.

    :param samples: how many there are in the batch.
    :param size: pixels along z, y, x.
    :param offsets: by name, where an array begins in it along z, y, x.
    :param sections: how many can move apart: those of a stack, or both sides of a pair.
    :param device: what holds the batch.
    """

    samples: int
    size: Triple
    offsets: dict[str, Triple]
    sections: int
    device: torch.device

    def sections_of(self, name: str, array: Array) -> slice:
        """Which of the sections an array shows.

        In a pair the names with ``src`` tell of the source, all others of the target.
        """
        if self.sections > self.size[0]:
            side = 0 if "src" in name else 1
            return slice(side, side + 1)
        start = self.offsets[name][0]
        return slice(start, start + size_of(array)[0])

    def grid_of(self, name: str, array: Array) -> slice:
        """On which sections the pixels of an array lie.

        They are those that it shows, but ``src_field`` lies on the target and ``tgt_field`` on
        the source: a field tells for every pixel of one side where it is on the other.
        """
        shown = self.sections_of(name, array)
        two_sided = self.sections > self.size[0] and any(side in name for side in SIDES)
        if two_sided and array.nature == "field":
            return slice(1 - shown.start, 2 - shown.start)
        return shown


def frame_of(batch: Batch) -> Frame:
    """The frame of a batch. Arrays of unlike size must be stacks that say where they lie."""
    sizes = {size_of(array) for array in batch.values()}
    if len(sizes) == 1:
        size, offsets = sizes.pop(), dict.fromkeys(batch, (0, 0, 0))
    else:
        size, offsets = hull(batch)
    is_pair = size[0] == 1 and all(side in batch for side in SIDES)
    sections = len(SIDES) if is_pair else size[0]
    device = next(iter(batch.values())).tensor.device
    return Frame(sample_count(batch), size, offsets, sections, device)


def hull(batch: Batch) -> tuple[Triple, dict[str, Triple]]:
    """The size of what encloses the places of all arrays, and where in it each begins: z, y, x."""
    boxes = {name: _box(name, array) for name, array in batch.items()}
    if len({array.place.mip for array in batch.values() if array.place}) > 1:
        raise UserError("the arrays of a batch must be of one mip to be moved together")
    start = tuple(min(box.start[axis] for box in boxes.values()) for axis in range(3))
    stop = tuple(max(box.stop[axis] for box in boxes.values()) for axis in range(3))
    inside = {name: box.slices(Box(start, stop)) for name, box in boxes.items()}
    offsets = {name: (z.start, y.start, x.start) for name, (z, y, x) in inside.items()}
    return Box(start, stop).shape, offsets


def _box(name: str, array: Array) -> Box:
    if array.place is None or array.tensor.ndim != 5:
        raise UserError(
            f"'{name}' differs in size from other arrays of the batch, so all of them must be "
            "stacks with a place, to say how they lie beside each other"
        )
    if array.place.box.shape != size_of(array):
        raise UserError(
            f"'{name}' has {size_of(array)} voxels along z, y, x, but its place "
            f"{array.place.box.shape}"
        )
    return array.place.box


def sample_count(batch: Batch) -> int:
    """How many samples a batch has."""
    return len(next(iter(batch.values())).tensor)


def size_of(array: Array) -> Triple:
    """Pixels along z, y, x of an array (N, C, Z, H, W), or (N, C, H, W) with one section."""
    depth = array.tensor.shape[2] if array.tensor.ndim == 5 else 1
    height, width = array.tensor.shape[-2:]
    return depth, height, width


def require_pair(batch: Batch, asking: str) -> None:
    """Refuse a batch without a source and a target."""
    missing = [f"'{side}'" for side in SIDES if side not in batch]
    if missing:
        has = ", ".join(f"'{name}'" for name in batch)
        raise UserError(f"{asking} is for pairs, but a batch of {has} has no {missing[0]}")
