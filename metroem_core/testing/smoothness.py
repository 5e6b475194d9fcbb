"""What holds for every smoothness."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .component import Conformance
from .device import COARSE, DTYPES, HALF, gpu

if TYPE_CHECKING:
    from torch import Tensor


class SmoothnessConformance(Conformance):
    """Laws of a map (N, 1, H, W) that says how rough a field (N, 2, H, W) is."""

    @pytest.mark.parametrize("vector", [(0.0, 0.0), (3.0, -2.0)])
    def test_moving_all_alike_is_free(self, vector: tuple[float, float]) -> None:
        field = rough_field() * 0
        field += field.new_tensor(vector).view(1, 2, 1, 1)
        assert self.component(field).abs().max() < 1e-12

    def test_it_is_a_map_that_is_never_negative(self) -> None:
        roughness = self.component(rough_field(count=3, height=12, width=17))
        assert roughness.shape == (3, 1, 12, 17)
        assert roughness.min() >= 0
        assert roughness.max() > 0, "a random field is rough"

    @pytest.mark.parametrize("size", [(2, 2), (4, 3)])
    def test_small_fields_are_no_trouble(self, size: tuple[int, int]) -> None:
        height, width = size
        roughness = self.component(rough_field(height=height, width=width))
        assert roughness.shape == (1, 1, *size)
        assert roughness.isfinite().all()

    def test_every_sample_is_judged_alone(self) -> None:
        import torch

        fields = rough_field(count=2)
        together, alone = self.component(fields), self.component(fields[1:])
        torch.testing.assert_close(together[1:], alone)

    @pytest.mark.parametrize("scale", [0.0, 1.0])
    def test_its_gradient_is_finite(self, scale: float) -> None:
        field = (scale * rough_field()).requires_grad_()
        self.component(field).sum().backward()
        assert field.grad is not None
        assert field.grad.isfinite().all()

    def test_its_gradient_is_that_of_its_values(self) -> None:
        import torch

        field = rough_field(height=6, width=7).requires_grad_()
        assert torch.autograd.gradcheck(self.component, field)

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_it_keeps_the_type(self, dtype: str) -> None:
        import torch

        field = rough_field().to(getattr(torch, dtype))
        assert self.component(field).dtype == field.dtype

    @pytest.mark.parametrize("dtype", HALF)
    def test_half_precision_is_nearly_as_good(self, dtype: str) -> None:
        import torch

        field = rough_field().to(getattr(torch, dtype))
        expected = self.component(field.double())
        off = self.component(field).double() - expected
        assert off.abs().max() <= COARSE * expected.max()

    def test_cpu_and_gpu_agree(self) -> None:
        import torch

        field = rough_field().to(gpu())
        there = self.component(field)
        assert there.device == field.device
        torch.testing.assert_close(there.cpu(), self.component(field.cpu()))

    def test_it_leaves_its_input_alone(self) -> None:
        field = rough_field()
        before = field.clone()
        self.component(field)
        assert field.equal(before)


def rough_field(count: int = 1, height: int = 10, width: int = 13) -> Tensor:
    """Independent vectors of about a pixel, (N, 2, H, W)."""
    import torch

    generator = torch.Generator().manual_seed(0)
    return torch.randn(count, 2, height, width, generator=generator, dtype=torch.float64)
