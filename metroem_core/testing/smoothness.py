"""What holds for every smoothness."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .component import Conformance

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

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_it_keeps_type_and_device(self, dtype: str) -> None:
        import torch

        for device in ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]:
            field = rough_field().to(device, getattr(torch, dtype))
            roughness = self.component(field)
            assert (roughness.dtype, roughness.device) == (field.dtype, field.device)

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
