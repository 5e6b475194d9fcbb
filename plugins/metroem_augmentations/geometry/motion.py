"""Motions: where the sections of a batch take their pixels from, and all arrays with them.

What is at p afterwards was at ``q(p) = A (p - c) + c + t + bend(p)`` before, where c is the centre
of the frame. Images, labels and masks are sampled there. A field tells which pixels belong
together, and goes on doing so: its vectors ``f`` become the solution ``g`` of
``q'(p + g(p)) = q(p) + f(q(p))``, where q' is the motion of the section in which they end. If that
is the same affine motion, ``g(p) = A^-1 f(q(p))``.
"""

from __future__ import annotations

import attrs
import torch
from torch import Tensor

from metroem_core.batch import Array, Batch
from metroem_core.field import compose, sample

from ..sections import folded, unfolded
from .frames import Frame, frame_of
from .sampling import sampled, shifted

ROUNDS = 10  # of solving for g where there is a bend: slopes of 1/3 leave 1/60000 of it


@attrs.frozen(eq=False)
class Motion:
    """How each of S sections moves in each of N samples; S is 1 where all move alike.

    :param matrix: A, (N, S, 2, 2), of x and y.
    :param shift: t, (N, S, 2) of x, y, in pixels.
    :param bend: (N, S, 2, H, W) in pixels, over the whole frame; or None.
    :param pixelwise: whether it shifts by whole pixels only, so that nothing is interpolated.
    """

    matrix: Tensor
    shift: Tensor
    bend: Tensor | None = None
    pixelwise: bool = False


@attrs.frozen(eq=False)
class Displacement:
    """A motion as the M sections of one array meet it.

    :param inverse: of A, (M, 2, 2).
    :param affine: ``q(p) - p`` but for the bend, (M, 2, H, W).
    :param bend: (M, 2, H, W), or None.
    """

    inverse: Tensor
    affine: Tensor
    bend: Tensor | None

    @property
    def field(self) -> Tensor:
        """``q(p) - p``, (M, 2, H, W)."""
        return self.affine if self.bend is None else self.affine + self.bend


def turning(angle: Tensor) -> Tensor:
    """The matrices (..., 2, 2) that turn x, y by angles (...) in radians, from x towards y."""
    c, s = angle.cos(), angle.sin()
    return torch.stack([torch.stack([c, -s], -1), torch.stack([s, c], -1)], -2)


def move(batch: Batch, motion: Motion) -> Batch:
    """All arrays of a batch, moved."""
    frame = frame_of(batch)
    return batch.put(
        **{
            name: attrs.evolve(array, tensor=moved(motion, frame, name, array))
            for name, array in batch.items()
        }
    )


def moved(motion: Motion, frame: Frame, name: str, array: Array) -> Tensor:
    """The tensor of an array, moved by its nature."""
    shown, tensor = frame.sections_of(name, array), folded(array.tensor)
    if motion.pixelwise and array.nature != "field":
        shift = of_sections(motion.shift, frame, shown)
        return unfolded(shifted(tensor, shift.long().tolist()), array.tensor)
    here = displacement(motion, frame, name, array, frame.grid_of(name, array))
    if array.nature == "field":
        there = displacement(motion, frame, name, array, shown)
        return unfolded(carried(tensor, here, there), array.tensor)
    return unfolded(sampled(tensor, array.nature == "image", here.field), array.tensor)


def of_sections(values: Tensor, frame: Frame, sections: slice) -> Tensor:
    """What a motion says, (N, S, ...), of some sections of the frame in each sample, (M, ...)."""
    spread = values.expand(-1, frame.sections, *[-1] * (values.ndim - 2))
    return spread[:, sections].flatten(0, 1)


def displacement(
    motion: Motion, frame: Frame, name: str, array: Array, sections: slice
) -> Displacement:
    """A motion over the pixels of an array, as of some sections of the frame."""
    dtype = array.tensor.dtype if array.tensor.is_floating_point() else torch.float32
    exact = torch.promote_types(dtype, torch.float32)
    like = torch.empty(0, dtype=exact, device=array.tensor.device)
    (_, top, left), (height, width) = frame.offsets[name], array.tensor.shape[-2:]
    matrix, shift = (
        of_sections(x, frame, sections).to(like) for x in (motion.matrix, motion.shift)
    )
    x = torch.arange(width).to(matrix) + (left - (frame.size[2] - 1) / 2)
    y = torch.arange(height).to(matrix) + (top - (frame.size[1] - 1) / 2)
    bend = None
    if motion.bend is not None:
        bend = motion.bend[..., top : top + height, left : left + width]
        bend = of_sections(bend, frame, sections).to(like)
    return Displacement(matrix.inverse(), affine_field(matrix, shift, x, y), bend)


def affine_field(matrix: Tensor, shift: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """``A p + t - p``, (M, 2, H, W), at the points with coordinates x (W,) and y (H,)."""
    along_x, along_y = (matrix - torch.eye(2).to(matrix))[..., None, None].unbind(2)
    return along_x * x + along_y * y[:, None] + shift[..., None, None]


def carried(field: Tensor, here: Displacement, there: Displacement) -> Tensor:
    """A field (M, 2, H, W) after the motions where its vectors begin and where they end.

    Beyond its edge it goes on as at its edge. Invalid vectors stay invalid.
    """
    ends = compose(here.field, field.to(here.affine)) - there.affine
    vectors = applied(there.inverse, ends)
    if there.bend is not None:
        for _ in range(ROUNDS):
            vectors = applied(there.inverse, ends - sample(there.bend, vectors, "border"))
    return vectors.to(field.dtype)


def applied(matrix: Tensor, vectors: Tensor) -> Tensor:
    """The vectors (M, 2, H, W) multiplied by matrices (M, 2, 2)."""
    return torch.einsum("mij,mjhw->mihw", matrix, vectors)
