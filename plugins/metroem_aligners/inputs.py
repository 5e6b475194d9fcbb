"""The pictures of a pair, checked, and the field that an alignment starts from."""

from __future__ import annotations

import attrs
import torch
from torch import Tensor

from metroem_core.batch import Batch, Prediction
from metroem_core.errors import UserError
from metroem_core.field.validity import exact
from metroem_core.mask import has_data


@attrs.frozen(eq=False)
class Inputs:
    """What an aligner works on.

    :param src: the pictures to be warped, (N, C, H, W).
    :param tgt: what they shall look like, (N, C, H, W).
    :param start: the field so far, (N, 2, H, W) in pixels; 0 where the pair has none.
    """

    src: Tensor
    tgt: Tensor
    start: Tensor

    def alignable(self) -> Tensor:
        """Whether both pictures of a sample have data, (N,) bool."""
        return has_data(self.src).flatten(1).any(dim=1) & has_data(self.tgt).flatten(1).any(dim=1)

    def answer(self, field: Tensor, confidence: Tensor) -> Prediction:
        """What is said of the pair when some field (N, 2, H, W) was found.

        A sample in which nothing can be told keeps its start, with confidence 0: one without data
        or without texture on one side.
        """
        told = self.alignable() & (confidence.flatten(1).amax(dim=1) > 0)
        told = told.view(-1, 1, 1, 1)
        return Prediction(torch.where(told, field, self.start), torch.where(told, confidence, 0))


def inputs(batch: Batch) -> Inputs:
    """The pictures of a pair and the field to start from, where invalid vectors become 0.

    All are float32 at least: half of it is too little for the differences of pictures.

    :raises UserError: when one is missing, has another shape, or holds what is no number.
    """
    missing = [name for name in ("src", "tgt") if name not in batch]
    if missing:
        raise UserError(f"a pair to align needs '{missing[0]}'; this has {', '.join(batch)}")
    src, tgt = batch["src"].tensor, batch["tgt"].tensor
    if src.shape != tgt.shape:
        raise UserError(
            f"src is {size(src)}, but tgt is {size(tgt)}: crop or pad one of them to the other"
        )
    for name, image in (("src", src), ("tgt", tgt)):
        if not image.isfinite().all():
            raise UserError(f"{name} has pixels that are not finite; 0 is what means no data")
    src, tgt = src.to(exact(src)), tgt.to(exact(tgt))
    return Inputs(src, tgt, _start(batch, src))


def usable(batch: Batch) -> Inputs:
    """The same, with pictures that are 0 where they are masked or have a defect.

    That is where ``src_mask`` or ``tgt_mask``, (N, 1, H, W), is 0, and where ``src_defects`` or
    ``tgt_defects`` is not.
    """
    given = inputs(batch)
    src, tgt = _sound(batch, "src", given.src), _sound(batch, "tgt", given.tgt)
    return attrs.evolve(given, src=src, tgt=tgt)


def _sound(batch: Batch, side: str, picture: Tensor) -> Tensor:
    for name, kept in ((f"{side}_mask", True), (f"{side}_defects", False)):
        if name in batch:
            mask = batch[name].tensor
            wanted = (len(picture), 1, *picture.shape[-2:])
            if mask.shape != wanted:
                raise UserError(
                    f"{name} is {size(mask)}, but for these pictures it must be {size(wanted)}"
                )
            picture = picture * ((mask != 0) == kept)
    return picture


def size(picture: Tensor | tuple[int, ...]) -> str:
    """A shape, or that of a tensor, as people write it."""
    return " x ".join(map(str, picture.shape if isinstance(picture, Tensor) else picture))


def _start(batch: Batch, src: Tensor) -> Tensor:
    shape = (len(src), 2, *src.shape[-2:])
    if "src_field" not in batch:
        return torch.zeros(shape, dtype=src.dtype, device=src.device)
    field = batch["src_field"].tensor
    if field.shape != shape:
        raise UserError(
            f"src_field is {size(field)}, but for these pictures it must be {size(shape)}"
        )
    return field.to(src.dtype).nan_to_num(0, 0, 0)
