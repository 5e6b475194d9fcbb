"""What holds for every similarity."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from .component import Conformance

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

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_it_keeps_type_and_device(self, dtype: str) -> None:
        import torch

        for device in ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]:
            warped, target, valid = (x.to(device) for x in pictures())
            warped, target = warped.to(getattr(torch, dtype)), target.to(getattr(torch, dtype))
            unlike = self.component(warped, target, valid)
            assert (unlike.dtype, unlike.device) == (warped.dtype, warped.device)


def pictures(channels: int = 1) -> tuple[Tensor, Tensor, Tensor]:
    """Two unlike pictures (2, C, 18, 23) of grey values 0.1 to 1, and where both are valid."""
    import torch

    generator = torch.Generator().manual_seed(0)
    grey = torch.rand(2, 2, channels, 18, 23, generator=generator, dtype=torch.float64)
    valid = torch.ones(2, 1, 18, 23, dtype=torch.bool)
    valid[:, :, :5, :7] = False
    return 0.1 + 0.9 * grey[0], 0.1 + 0.9 * grey[1], valid
