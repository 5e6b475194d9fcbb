"""What holds for every metric."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from .component import Conformance
from .device import DTYPES, gpu

if TYPE_CHECKING:
    from torch import Tensor

    from metroem_core.batch import Batch, Measurement, Prediction


class MetricConformance(Conformance):
    """Laws of numbers and maps that say how good a prediction is."""

    def test_its_numbers_are_finite_floats(self) -> None:
        check(self.component(*judged()))

    def test_it_works_without_truth(self) -> None:
        batch, prediction, _ = judged()
        check(self.component(batch, prediction, None))

    def test_its_maps_lie_on_the_picture_and_are_for_people(self) -> None:
        batch, prediction, truth = judged()
        prediction.field.requires_grad_()
        for values in self.component(batch, prediction, truth).maps.values():
            assert values.shape == (2, 1, 20, 24)
            assert not values.requires_grad

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_it_takes_every_type(self, dtype: str) -> None:
        import torch

        check(self.component(*judged(dtype=getattr(torch, dtype))))

    def test_cpu_and_gpu_agree(self) -> None:
        here, there = (self.component(*judged(device)).numbers for device in ("cpu", gpu()))
        assert there == pytest.approx(here, rel=1e-4)

    def test_what_is_not_known_leaves_it_finite(self) -> None:
        batch, prediction, truth = judged()
        truth[:, :, 10:] = math.nan
        check(self.component(batch, prediction, truth))
        check(self.component(batch, prediction, truth * math.nan))

    def test_invalid_vectors_leave_it_finite(self) -> None:
        batch, prediction, truth = judged()
        prediction.field[:, 0, :10] = math.nan
        check(self.component(batch, prediction, truth))

    def test_pictures_without_data_leave_it_finite(self) -> None:
        from metroem_core.batch import pair

        batch, prediction, truth = judged()
        empty = batch["src"].tensor * 0
        check(self.component(pair(empty, empty), prediction, truth))

    def test_it_leaves_its_input_alone(self) -> None:
        batch, prediction, truth = judged()
        before = [x.clone() for x in (batch["src"].tensor, prediction.field, truth)]
        self.component(batch, prediction, truth)
        after = [batch["src"].tensor, prediction.field, truth]
        assert all(a.equal(b) for a, b in zip(after, before, strict=True))


def check(found: Measurement) -> None:
    """Numbers are plain floats, and finite; what cannot be measured is left out."""
    assert all(type(number) is float for number in found.numbers.values()), found.numbers
    assert all(math.isfinite(number) for number in found.numbers.values()), found.numbers


def judged(device: str = "cpu", dtype: Any = None) -> tuple[Batch, Prediction, Tensor]:
    """Two pairs of pictures (2, 1, 20, 24) with holes, what was predicted, and the truth.

    :param dtype: torch's; float32, unless given.
    """
    import torch

    from metroem_core.batch import Prediction, pair

    generator = torch.Generator().manual_seed(0)
    src, tgt = 0.1 + 0.9 * torch.rand(2, 2, 1, 20, 24, generator=generator)
    src[..., :3, :5], tgt[..., 4:8, 10:] = 0, 0
    field, truth = torch.randn(2, 2, 2, 20, 24, generator=generator)
    src, tgt, field, truth = (x.to(device, dtype) for x in (src, tgt, field, truth))
    return pair(src, tgt), Prediction(field), truth
