"""What holds for every aligner."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .component import Conformance

if TYPE_CHECKING:
    from torch import Tensor


class AlignerConformance(Conformance):
    """Laws of finding the field (N, 2, H, W) of a pair of pictures (N, C, H, W).

    Set ``shape`` to the size (H, W) that the aligner is tried on, if it needs a certain one.
    """

    shape = (64, 80)

    def test_equal_pictures_need_no_field(self) -> None:
        from metroem_core.batch import pair

        picture = tissue(self.shape)
        field = self.component.build()(pair(picture, picture)).field
        assert field.abs().mean() < 0.1

    def test_the_field_lies_on_the_picture(self) -> None:
        from metroem_core.batch import pair

        src, tgt = tissue(self.shape, count=2), tissue(self.shape, count=2, shift=1)
        prediction = self.component.build()(pair(src, tgt))
        assert prediction.field.shape == (2, 2, *self.shape)
        assert (prediction.field.dtype, prediction.field.device) == (src.dtype, src.device)
        assert not prediction.field.requires_grad
        if prediction.confidence is not None:
            assert prediction.confidence.shape == (2, 1, *self.shape)
            assert 0 <= prediction.confidence.min() <= prediction.confidence.max() <= 1

    @pytest.mark.parametrize("empty", ["src", "tgt"])
    def test_without_data_nothing_moves(self, empty: str) -> None:
        from metroem_core.batch import Array, pair

        picture = tissue(self.shape)
        batch = pair(picture, picture)
        batch = batch.put(**{empty: Array(picture * 0)})
        assert (self.component.build()(batch).field == 0).all()

        start = picture.expand(-1, 2, -1, -1).clone()
        with_start = batch.put(src_field=Array(start, "field"))
        assert self.component.build()(with_start).field.equal(start)

    def test_the_same_pair_gives_the_same_field(self) -> None:
        from metroem_core.batch import pair

        batch = pair(tissue(self.shape), tissue(self.shape, shift=1))
        first, second = (self.component.build()(batch).field for _ in range(2))
        assert first.equal(second)

    def test_the_field_of_pictures_of_half_precision_is_precise(self) -> None:
        import torch

        from metroem_core.batch import pair

        src, tgt = tissue(self.shape).half(), tissue(self.shape, shift=1).half()
        field = self.component.build()(pair(src, tgt)).field
        assert field.dtype == torch.float32
        assert field.isfinite().all()

    def test_it_leaves_its_input_alone(self) -> None:
        from metroem_core.batch import pair

        batch = pair(tissue(self.shape), tissue(self.shape, shift=1))
        before = batch["src"].tensor.clone(), batch["tgt"].tensor.clone()
        self.component.build()(batch)
        assert batch["src"].tensor.equal(before[0])
        assert batch["tgt"].tensor.equal(before[1])


def tissue(shape: tuple[int, int], count: int = 1, shift: int = 0) -> Tensor:
    """Blobs of grey values 0.1 to 1, (N, 1, H, W), rolled along x by a number of pixels."""
    import torch
    import torch.nn.functional as F

    generator = torch.Generator().manual_seed(0)
    grey = torch.rand(count, 1, shape[0] + 4, shape[1] + 4, generator=generator)
    blobs = F.avg_pool2d(grey, 5, stride=1)
    low, high = blobs.aminmax()
    return (0.1 + 0.9 * (blobs - low) / (high - low)).roll(shift, dims=-1)
