"""What holds for every normalizer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from .component import Conformance

if TYPE_CHECKING:
    from torch import Tensor


class NormalizerConformance(Conformance):
    """Laws of giving pictures (N, 1, H, W) new grey values.

    :cvar tolerance: how much pictures may differ that are computed in another order.
    """

    tolerance: float = 1e-5

    def normalized(self, image: Tensor, valid: Tensor, around: tuple[Tensor, Tensor]) -> Tensor:
        """What the component makes of pictures."""
        found: Tensor = self.component(image, valid, around)
        return found

    def test_it_keeps_shape_and_type(self) -> None:
        image, valid, around = pictures()
        found = self.normalized(image, valid, around)
        assert (found.shape, found.dtype) == (image.shape, image.dtype)
        assert found.isfinite().all()

    def test_what_is_given_stays_as_it_is(self) -> None:
        import torch

        inputs, again = pictures(), pictures()
        self.normalized(*inputs)
        torch.testing.assert_close(inputs, again, equal_nan=True, rtol=0, atol=0)

    def test_no_data_stay_no_data_and_data_stay_data(self) -> None:
        image, valid, around = pictures()
        found = self.normalized(image, valid, around)
        data = valid & (image != 0) & image.isfinite()
        assert (found[~data] == 0).all()
        assert (found[data] != 0).all(), "a legal value that becomes 0 must be nudged"

    @pytest.mark.parametrize("value", [0.0, 9.0, -9.0, math.nan, math.inf])
    def test_pixels_that_are_not_valid_have_no_influence(self, value: float) -> None:
        import torch

        image, valid, (wide, wide_valid) = pictures()
        changed = torch.where(valid, image, value)
        around = torch.where(wide_valid, wide, value), wide_valid
        expected = self.normalized(image, valid, (wide, wide_valid))
        torch.testing.assert_close(self.normalized(changed, valid, around), expected)

    @pytest.mark.parametrize("value", [0.0, math.nan, math.inf, -math.inf])
    def test_no_data_and_what_is_not_finite_count_as_not_valid(self, value: float) -> None:
        import torch

        image, valid, (wide, wide_valid) = pictures()
        holes = torch.where(valid, image, value), torch.where(wide_valid, wide, value)
        found = self.normalized(holes[0], valid | True, (holes[1], wide_valid | True))
        torch.testing.assert_close(
            found, self.normalized(image, valid, (wide, wide_valid)), rtol=0, atol=self.tolerance
        )

    def test_a_picture_of_one_value_is_harmless(self) -> None:
        image, valid, (wide, wide_valid) = pictures()
        found = self.normalized(image.fill_(0.3), valid, (wide.fill_(0.3), wide_valid))
        assert found.isfinite().all()
        assert (found[~valid] == 0).all()
        assert (found[valid] != 0).all()

    def test_pictures_without_data_are_all_zero(self) -> None:
        image, valid, (wide, wide_valid) = pictures()
        found = self.normalized(image, valid & False, (wide, wide_valid & False))
        assert (found == 0).all()

    def test_every_picture_is_judged_alone(self) -> None:
        import torch

        image, valid, around = pictures()
        together = self.normalized(image, valid, around)
        alone = self.normalized(image[1:], valid[1:], (around[0][1:], around[1][1:]))
        torch.testing.assert_close(together[1:], alone, rtol=0, atol=self.tolerance)

    def test_a_picture_without_data_does_not_disturb_its_neighbours(self) -> None:
        import torch

        image, valid, around = pictures()
        expected = self.normalized(image, valid, around)[1:]
        around[1][0], valid[0] = False, False
        found = self.normalized(image, valid, around)
        assert (found[0] == 0).all()
        torch.testing.assert_close(found[1:], expected, rtol=0, atol=self.tolerance)

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_it_keeps_type_and_device(self, dtype: str) -> None:
        import torch

        for device in ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]:
            image, valid, (wide, wide_valid) = pictures()
            image, wide = (x.to(device, getattr(torch, dtype)) for x in (image, wide))
            valid, wide_valid = valid.to(device), wide_valid.to(device)
            found = self.normalized(image, valid, (wide, wide_valid))
            assert (found.dtype, found.device) == (image.dtype, image.device)

    def test_its_area_has_a_size(self) -> None:
        area = self.component.area
        assert area is None or min(area.size) > 0


def pictures() -> tuple[Tensor, Tensor, tuple[Tensor, Tensor]]:
    """Two pictures of grey values 0.1 to 0.8 with a part that is not valid, and their
    surroundings: (2, 1, 48, 40) and (2, 1, 56, 64), float64.
    """
    import torch

    generator = torch.Generator().manual_seed(0)
    wide = torch.rand(2, 1, 56, 64, generator=generator, dtype=torch.float64)
    wide = 0.1 + 0.7 * wide
    valid = torch.ones(2, 1, 56, 64, dtype=torch.bool)
    valid[..., 10:20, 30:45] = False
    inside = (..., slice(4, 52), slice(12, 52))
    return wide[inside].clone(), valid[inside].clone(), (wide, valid)
