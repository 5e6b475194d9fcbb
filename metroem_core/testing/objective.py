"""What holds for every objective."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter, methodcaller
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from .component import Conformance
from .device import HALF, gpu

if TYPE_CHECKING:
    from torch import Tensor

    from ..batch import Batch


class ObjectiveConformance(Conformance):
    """Laws of a loss that runs a model on a batch.

    By default the model is a small aligner and the batch two pairs, with labels. An objective
    for models of another sort gives its own ``model`` and ``batch``.
    """

    def model(self) -> Any:
        """What is trained: a new module, the same each time."""
        return aligner()

    def batch(self) -> Batch:
        """Two samples."""
        return pairs()

    def test_its_total_is_a_scalar_that_trains_the_model(self) -> None:
        model = self.model()
        total = self.component(model, self.batch()).total
        assert total.shape == ()
        assert total.isfinite()
        total.backward()
        gradients = [weight.grad for weight in model.parameters() if weight.grad is not None]
        assert all(gradient.isfinite().all() for gradient in gradients)
        assert any(gradient.abs().max() > 0 for gradient in gradients)

    def test_its_parts_are_scalars_for_people(self) -> None:
        parts = self.component(self.model(), self.batch()).parts
        assert parts, "tell what the total consists of"
        for name, part in parts.items():
            assert part.shape == (), name
            assert part.isfinite(), name
            assert not part.requires_grad, name

    def test_its_maps_are_for_people(self) -> None:
        for name, values in self.component(self.model(), self.batch()).maps.items():
            assert values.shape[:2] == (2, 1), name
            assert values.ndim in (4, 5), name
            assert not values.requires_grad, name

    def test_it_is_the_mean_over_the_samples(self) -> None:
        import torch

        batch, model = self.batch(), self.model()
        samples = [changed(batch, itemgetter(slice(n, n + 1))) for n in range(2)]
        alone = [self.component(model, sample).total for sample in samples]
        together = self.component(model, batch).total
        torch.testing.assert_close(together, torch.stack(alone).mean())

    def test_the_same_again_gives_the_same(self) -> None:
        first, second = (self.component(self.model(), self.batch()).total for _ in range(2))
        assert first.equal(second)

    def test_it_works_without_gradients(self) -> None:
        import torch

        expected = self.component(self.model(), self.batch()).total.detach()
        with torch.no_grad():
            found = self.component(self.model(), self.batch()).total
        torch.testing.assert_close(found, expected)

    def test_nothing_to_learn_from_is_no_trouble(self) -> None:
        from torch import zeros_like

        model = self.model()
        total = self.component(model, changed(self.batch(), zeros_like)).total
        assert total.isfinite()
        total.backward()
        for weight in model.parameters():
            assert weight.grad is None or weight.grad.isfinite().all()

    def test_it_leaves_its_input_alone(self) -> None:
        batch = self.batch()
        before = {name: array.tensor.clone() for name, array in batch.items()}
        self.component(self.model(), batch)
        assert list(batch) == list(before)
        assert all(array.tensor.equal(before[name]) for name, array in batch.items())

    def test_it_computes_as_exactly_as_the_batch_is(self) -> None:
        assert self.total_in("float32") == pytest.approx(self.total_in("float64"), rel=1e-3)

    @pytest.mark.parametrize("dtype", HALF)
    def test_half_precision_is_nearly_as_good(self, dtype: str) -> None:
        assert self.total_in(dtype) == pytest.approx(self.total_in("float64"), rel=0.1, abs=0.05)

    def test_cpu_and_gpu_agree(self) -> None:
        there = self.total_in("float64", gpu())
        assert there == pytest.approx(self.total_in("float64"), rel=1e-6)

    def total_in(self, dtype: str, device: str = "cpu") -> float:
        """The total of a model and a batch of a type, which is in float32 at least."""
        import torch

        wanted = getattr(torch, dtype)
        batch = changed(self.batch(), methodcaller("to", device))
        batch = changed(batch, lambda x: x.to(wanted) if x.is_floating_point() else x)
        total: Tensor = self.component(self.model().to(device, wanted), batch).total
        assert total.dtype == torch.promote_types(wanted, torch.float32)
        assert total.device.type == device
        return total.item()


def aligner() -> Any:
    """A module in float64 that answers a pair with a field of some pixels and with features."""
    import torch
    import torch.nn.functional as F
    from torch import nn

    from ..batch import Prediction

    class Aligner(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = nn.Conv2d(1, 4, 3, padding=1, dtype=torch.float64)
            self.decoder = nn.Conv2d(8, 2, 3, padding=1, dtype=torch.float64)
            generator = torch.Generator().manual_seed(0)
            for weight in self.parameters():
                nn.init.normal_(weight, std=0.3, generator=generator)

        def forward(self, batch: Batch) -> Prediction:
            src, tgt = (self.encoder(batch[name].tensor) for name in ("src", "tgt"))
            features = {n: (F.avg_pool2d(src, 2**n), F.avg_pool2d(tgt, 2**n)) for n in (0, 1)}
            return Prediction(self.decoder(torch.cat([src, tgt], dim=1)), features=features)

    return Aligner()


def pairs() -> Batch:
    """Two pairs of pictures (2, 1, 48, 56) in float64 with holes, and with labels of defects."""
    import torch

    from ..batch import Array, pair

    generator = torch.Generator().manual_seed(0)
    grey = torch.rand(2, 2, 1, 48, 56, generator=generator, dtype=torch.float64)
    src, tgt = 0.1 + 0.9 * grey
    src[..., :6, :9], tgt[..., 20:26, 30:40] = 0, 0
    labels = torch.zeros(2, 1, 48, 56, dtype=torch.uint8)
    labels[..., 30:, 10:20], labels[..., 35:, 13:16] = 1, 2
    masks = {"src_mask": Array(labels, "labels"), "tgt_mask": Array(labels.flip(-1), "labels")}
    return pair(src, tgt).put(**masks)


def changed(batch: Batch, change: Callable[[Tensor], Tensor]) -> Batch:
    """The batch with all its tensors changed."""
    return batch.put(
        **{name: attrs.evolve(each, tensor=change(each.tensor)) for name, each in batch.items()}
    )
