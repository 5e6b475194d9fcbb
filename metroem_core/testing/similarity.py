"""What holds for every similarity."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from .component import Conformance
from .device import COARSE, DTYPES, HALF, gpu

if TYPE_CHECKING:
    from torch import Tensor


class SimilarityConformance(Conformance):
    """Laws of a map (N, 1, H, W) that says how much two images (N, C, H, W) differ."""

    def test_it_is_a_map(self) -> None:
        warped, target, valid = pictures(channels=3)
        unlike = self.component(warped, target, valid)
        assert unlike.shape == valid.shape
        assert unlike.isfinite().all()

    def test_nothing_is_more_alike_than_the_same(self) -> None:
        warped, target, valid = pictures()
        same = self.component(target, target, valid).mean()
        assert same < self.component(warped, target, valid).mean()

    def test_it_is_zero_where_not_valid(self) -> None:
        warped, target, valid = pictures()
        assert (self.component(warped, target, valid)[~valid] == 0).all()
        assert (self.component(warped, target, valid & False) == 0).all()

    @pytest.mark.parametrize("value", [7.0, math.nan])
    def test_pixels_that_are_not_valid_have_no_influence(self, value: float) -> None:
        import torch

        warped, target, valid = pictures()
        changed = [torch.where(valid, image, value) for image in (warped, target)]
        torch.testing.assert_close(
            self.component(*changed, valid), self.component(warped, target, valid)
        )

    def test_every_sample_is_judged_alone(self) -> None:
        import torch

        inputs = pictures()
        together, alone = self.component(*inputs), self.component(*(x[1:] for x in inputs))
        torch.testing.assert_close(together[1:], alone)

    @pytest.mark.parametrize("scale", [0.0, 1.0])
    def test_its_gradient_is_finite(self, scale: float) -> None:
        warped, target, valid = pictures()
        warped = (scale * warped + 0.1).requires_grad_()
        self.component(warped, scale * target + 0.1, valid).sum().backward()
        assert warped.grad is not None
        assert warped.grad.isfinite().all()

    def test_its_gradient_is_that_of_its_values(self) -> None:
        import torch

        warped, target, valid = (x[:1, ..., 3:10, 4:12] for x in pictures(channels=2))
        inputs = warped.requires_grad_(), target.requires_grad_()
        assert torch.autograd.gradcheck(lambda w, t: self.component(w, t, valid), inputs)

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_it_keeps_the_type(self, dtype: str) -> None:
        import torch

        warped, target, valid = pictures()
        of_type = [image.to(getattr(torch, dtype)) for image in (warped, target)]
        assert self.component(*of_type, valid).dtype == of_type[0].dtype

    @pytest.mark.parametrize("dtype", HALF)
    def test_half_precision_is_nearly_as_good(self, dtype: str) -> None:
        import torch

        warped, target, valid = pictures(channels=2)
        half = [image.to(getattr(torch, dtype)) for image in (warped, target)]
        expected = self.component(*(image.double() for image in half), valid)
        off = self.component(*half, valid).double() - expected
        assert off.abs().max() <= COARSE * expected.max()

    @pytest.mark.parametrize("size", [(1, 1), (1, 5), (3, 2)])
    def test_small_pictures_are_no_trouble(self, size: tuple[int, int]) -> None:
        height, width = size
        small = [x[..., -height:, -width:] for x in pictures()]
        unlike = self.component(*small)
        assert unlike.shape == (2, 1, *size)
        assert unlike.isfinite().all()

    def test_cpu_and_gpu_agree(self) -> None:
        import torch

        inputs = [x.to(gpu()) for x in pictures(channels=3)]
        there = self.component(*inputs)
        assert there.device == inputs[0].device
        torch.testing.assert_close(there.cpu(), self.component(*(x.cpu() for x in inputs)))


def pictures(channels: int = 1) -> tuple[Tensor, Tensor, Tensor]:
    """Two unlike pictures (2, C, 18, 23) of grey values 0.1 to 1, and where both are valid."""
    import torch

    generator = torch.Generator().manual_seed(0)
    grey = torch.rand(2, 2, channels, 18, 23, generator=generator, dtype=torch.float64)
    valid = torch.ones(2, 1, 18, 23, dtype=torch.bool)
    valid[:, :, :5, :7] = False
    return 0.1 + 0.9 * grey[0], 0.1 + 0.9 * grey[1], valid
