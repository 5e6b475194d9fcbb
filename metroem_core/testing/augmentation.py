"""What holds for every augmentation."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from metroem_core.errors import UserError

from .batches import LAYOUTS, SIDE, blank, example, mapped, truths
from .component import Conformance
from .device import DTYPES, gpu

if TYPE_CHECKING:
    from torch import Tensor

    from metroem_core.batch import Array, Batch

SEEDS = range(4)  # on which every law is tried
MANY = range(30)  # on one of which must happen what happens by chance
DARKEST = 0.2  # tissue in the batches of the laws


class AugmentationConformance(Conformance):
    """Laws of changing a batch at random, each array by its nature.

    They try a pair (N, C, H, W), pictures that are no pair, and a stack (N, C, Z, H, W), with
    sides of 40 pixels. Say what the augmentation is like:

    - ``layouts``: which of ``pair``, ``pictures`` and ``stack`` it takes; it refuses the others.
    - ``moves``: whether it moves pixels; fields, labels and masks are then moved as well. If the
      context depends on the size of what is wanted, a method ``context_for(size)`` along z, y, x
      tells it.
    - ``misaligns``: whether it moves one side of a pair on purpose, and leaves fields alone.
    - ``removes_data``: whether tissue gets lost on purpose.
    - ``inputs_only``: whether it leaves ``src`` and ``tgt`` alone and makes ``src_input`` and
      ``tgt_input``.
    - ``grows``: by how many pixels pictures become larger.
    """

    layouts: tuple[str, ...] = LAYOUTS
    moves = False
    misaligns = False
    removes_data = False
    inputs_only = False
    grows = 0

    def after(self, batch: Batch, seed: int = 0) -> Batch:
        """A batch after the augmentation, with a seed."""
        import torch

        changed: Batch = self.component(batch, torch.Generator().manual_seed(seed))
        return changed

    def before(self) -> Iterator[Batch]:
        """A batch of each layout that it takes."""
        for layout in self.layouts:
            yield example(layout)

    def test_it_says_what_it_needs_and_takes(self) -> None:
        assert type(self.component.context) is int
        assert self.component.context >= 0
        value_range = self.component.value_range
        assert value_range is None or value_range[0] < value_range[1]

    def test_the_same_seed_gives_the_same_batch(self) -> None:
        for batch in self.before():
            assert same(self.after(batch, seed=3), self.after(batch, seed=3))

    def test_another_seed_may_give_another_batch(self) -> None:
        for batch in self.before():
            first = self.after(batch)
            assert any(not same(first, self.after(batch, seed)) for seed in MANY)

    def test_nothing_else_is_a_source_of_chance(self) -> None:
        import torch

        for batch in self.before():
            found = []
            for seed in (1, 2):
                torch.manual_seed(seed)
                np.random.seed(seed)
                random.seed(seed)
                before = states()
                found.append(self.after(batch))
                assert states() == before
            assert same(*found)

    def test_every_sample_draws_its_own_numbers(self) -> None:
        for batch in self.before():
            twins = mapped(batch, lambda x: x[:1].repeat_interleave(2, dim=0))
            assert any(
                not array.tensor[0].equal(array.tensor[1])
                for seed in MANY
                for array in self.after(twins, seed).values()
            )

    def test_it_leaves_its_input_alone(self) -> None:
        for batch in self.before():
            copy = mapped(batch, lambda x: x.clone())
            for seed in SEEDS:
                self.after(batch, seed)
            assert same(batch, copy)

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_arrays_keep_type_and_shape(self, dtype: str) -> None:
        import torch

        for batch in self.before():
            cast = mapped(batch, partial(as_type, dtype=getattr(torch, dtype)))
            for name, array in self.after(cast).items():
                like = cast[name.replace("_input", "").replace("_missing", "")].tensor
                assert array.tensor.shape[2:-2] == like.shape[2:-2]
                assert array.tensor.shape[-2:] == (SIDE + self.grows,) * 2
                if name in cast:
                    assert (array.nature, array.tensor.dtype) == (cast[name].nature, like.dtype)

    def test_cpu_and_gpu_agree(self) -> None:
        device = gpu()
        for batch in self.before():
            here, there = self.after(batch), self.after(mapped(batch, lambda x: x.to(device)))
            for name, array in here.items():
                assert there[name].tensor.device.type == device
                if array.nature in ("image", "field"):
                    off = there[name].tensor.cpu() - array.tensor
                    assert off.abs().mean() < 1e-4

    def test_within_its_context_nothing_comes_from_outside(self) -> None:
        if self.moves and not (self.removes_data or self.grows):
            margin = self.component.context
            if hasattr(self.component, "context_for"):
                margin = self.component.context_for((3, SIDE, SIDE))
            inside = slice(margin, margin + SIDE)
            for layout, seed in product(self.layouts, SEEDS):
                changed = self.after(blank(layout, SIDE + 2 * margin), seed)
                for array in changed.values():
                    assert (array.tensor[..., inside, inside] != 0).all()

    def test_pictures_need_not_be_square(self) -> None:
        sizes = (SIDE + self.grows, SIDE - 8 + self.grows)
        for batch in self.before():
            narrow = mapped(batch, lambda x: x[..., 4:-4])
            for seed in SEEDS:
                found = {a.tensor.shape[-2:] for a in self.after(narrow, seed).values()}
                assert found in ({sizes}, {sizes[::-1]})

    def test_no_data_and_tissue_stay_what_they_are(self) -> None:
        for batch in self.before():
            for seed in SEEDS:
                changed = self.after(batch, seed)
                for name, array in changed.items():
                    if array.nature == "image":
                        self.check_data(batch[name.removesuffix("_input")], array)

    def check_data(self, before: Array, after: Array) -> None:
        """No data is exactly 0 and no grey is mixed with it; tissue is not 0."""
        assert after.tensor.isfinite().all()
        data = after.tensor != 0
        if self.moves:
            assert after.tensor[data].min() > DARKEST - 1e-3
        elif self.removes_data:
            assert not (data & (before.tensor == 0)).any()
        else:
            assert data.equal(before.tensor != 0)
        if not self.removes_data:
            row, column = (n // 2 for n in data.shape[-2:])
            assert data[..., row - 4 : row + 4, column - 4 : column + 4].all()

    def test_labels_and_masks_keep_their_values(self) -> None:
        for batch in self.before():
            for seed in SEEDS:
                changed = self.after(batch, seed)
                for name, array in batch.items():
                    if array.nature in ("labels", "mask"):
                        assert values_of(changed[name]) <= {0} | values_of(array)

    def test_fields_go_on_telling_the_truth(self) -> None:
        for batch in self.before():
            for seed in SEEDS:
                changed = self.after(batch, seed)
                if self.moves and not self.misaligns:
                    for image, field, expected in truths(changed):
                        check_alike(image, field, expected)
                else:
                    for name, array in batch.items():
                        moved = self.moves and "tgt" in name and array.nature != "field"
                        if array.nature != "image" and not moved:
                            assert changed[name].tensor.equal(array.tensor)

    def test_invalid_vectors_stay_invalid(self) -> None:
        for batch in self.before():
            changed = self.after(mapped(batch, with_invalid_middle, "field"))
            for array in changed.values():
                if array.nature == "field":
                    invalid = ~array.tensor.isfinite()
                    assert invalid.any()
                    assert not invalid.all()
                    assert invalid[:, 0].equal(invalid[:, 1])

    def test_the_loss_sees_the_originals_where_only_inputs_are_changed(self) -> None:
        for batch in self.before():
            changed = self.after(batch)
            if self.inputs_only and "src" in batch:
                assert all(changed[name].tensor is batch[name].tensor for name in batch)
                assert {"src_input", "tgt_input"} <= changed.keys()
            else:
                assert not [name for name in changed if name.endswith("_input")]

    def test_batches_that_it_cannot_change_are_refused(self) -> None:
        for layout in LAYOUTS:
            if layout not in self.layouts:
                with pytest.raises(UserError):
                    self.after(example(layout))


def same(one: Batch, other: Batch) -> bool:
    """Whether two batches hold the same, number by number."""
    return one.keys() == other.keys() and all(
        array.nature == other[name].nature and array.tensor.equal(other[name].tensor)
        for name, array in one.items()
    )


def states() -> list[Any]:
    """The states of all global sources of chance."""
    import torch

    return [torch.get_rng_state().tolist(), random.getstate(), repr(np.random.get_state())]


def as_type(tensor: Tensor, dtype: Any) -> Tensor:
    """A tensor whose floats are those of a type; labels stay labels."""
    return tensor.to(dtype) if tensor.is_floating_point() else tensor


def with_invalid_middle(field: Tensor) -> Tensor:
    """A field with some vectors invalid that stay in the picture however it is moved."""
    field = field.clone()
    field[..., 12:28, 12:28] = math.nan
    return field


def values_of(array: Array) -> set[float]:
    """All different values in an array."""
    return set(array.tensor.flatten().tolist())


def check_alike(image: Tensor, field: Tensor, expected: Tensor) -> None:
    """An image warped by its field is what is expected, but for interpolation."""
    from metroem_core.mask import warp

    warped = warp(image, field)
    both = (warped != 0) & (expected != 0)
    assert both.double().mean() > 0.2
    assert (warped - expected)[both].abs().mean() < 0.01
