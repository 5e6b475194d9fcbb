"""What holds for every augmentation."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import pytest

from metroem_core.errors import UserError

from .component import Conformance

if TYPE_CHECKING:
    from torch import Tensor

    from metroem_core.batch import Array, Batch

LAYOUTS = ("pair", "pictures", "stack")
SEEDS = range(4)  # on which every law is tried
MANY = range(30)  # on one of which must happen what happens by chance
SIDE = 40  # pixels
DARKEST = 0.2  # tissue in the batches of the laws


class AugmentationConformance(Conformance):
    """Laws of changing a batch at random, each array by its nature.

    They try a pair (N, C, H, W), pictures that are no pair, and a stack (N, C, Z, H, W), with
    sides of 40 pixels. Say what the augmentation is like:

    - ``layouts``: which of ``pair``, ``pictures`` and ``stack`` it takes; it refuses the others.
    - ``moves``: whether it moves pixels; fields, labels and masks are then moved as well.
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

    @pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
    def test_arrays_keep_type_device_and_shape(self, dtype: str) -> None:
        import torch

        wanted = getattr(torch, dtype)
        for device in ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]:
            for batch in self.before():
                cast = mapped(batch, partial(as_type, dtype=wanted, device=device))
                for name, array in self.after(cast).items():
                    like = cast[name.replace("_input", "").replace("_missing", "")].tensor
                    assert array.tensor.shape[2:-2] == like.shape[2:-2]
                    assert array.tensor.shape[-2:] == (SIDE + self.grows,) * 2
                    assert array.tensor.device == like.device
                    if name in cast:
                        assert (array.nature, array.tensor.dtype) == (cast[name].nature, like.dtype)

    def test_cpu_and_gpu_agree(self) -> None:
        import torch

        for device in ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]:
            for batch in self.before():
                here = self.after(batch)
                there = self.after(mapped(batch, lambda x, to=device: x.to(to)))  # type: ignore[misc]
                for name, array in here.items():
                    if array.nature in ("image", "field"):
                        off = there[name].tensor.cpu() - array.tensor
                        assert off.abs().mean() < 1e-4

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


def mapped(batch: Batch, change: Callable[[Tensor], Tensor], nature: str | None = None) -> Batch:
    """A batch with its tensors changed, or those of one nature."""
    return batch.put(
        **{
            name: attrs.evolve(array, tensor=change(array.tensor))
            for name, array in batch.items()
            if nature in (None, array.nature)
        }
    )


def as_type(tensor: Tensor, dtype: Any, device: str) -> Tensor:
    """A tensor on a device; floats become those of a type."""
    return tensor.to(device, dtype if tensor.is_floating_point() else tensor.dtype)


def with_invalid_middle(field: Tensor) -> Tensor:
    """A field with some vectors invalid that stay in the picture however it is moved."""
    field = field.clone()
    field[..., 12:28, 12:28] = math.nan
    return field


def values_of(array: Array) -> set[float]:
    """All different values in an array."""
    return set(array.tensor.flatten().tolist())


def truths(batch: Batch) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Images (M, C, H, W), fields (M, 2, H, W), and what the images look like warped by them."""
    names = [("src", "src_field", "tgt"), ("tgt", "tgt_field", "src")]
    for triple in names if "src" in batch else [("raw", "field", "warped")]:
        yield tuple(sections(batch[name].tensor) for name in triple)  # type: ignore[misc]


def sections(tensor: Tensor) -> Tensor:
    """Pictures as they are; the sections (N * Z, C, H, W) of a stack (N, C, Z, H, W)."""
    return tensor if tensor.ndim == 4 else tensor.transpose(1, 2).flatten(0, 1)


def check_alike(image: Tensor, field: Tensor, expected: Tensor) -> None:
    """An image warped by its field is what is expected, but for interpolation."""
    from metroem_core.mask import warp

    warped = warp(image, field)
    both = (warped != 0) & (expected != 0)
    assert both.double().mean() > 0.2
    assert (warped - expected)[both].abs().mean() < 0.01


@cache
def example(layout: str) -> Batch:
    """Two samples of everything there may be in a batch, and fields that are true.

    In a pair ``src_field`` warps ``src`` to ``tgt``, and ``tgt_field`` the other way round. In
    pictures and stacks ``field`` warps ``raw`` to ``warped``.
    """
    from metroem_core.batch import Array, Batch
    from metroem_core.mask import warp

    depth = 3 if layout == "stack" else 1
    raw, field = tissue(2 * depth), gentle_field(2 * depth)
    warped, labels = warp(raw, field), blocks(2 * depth)
    if layout == "pair":
        natures = {"": "image", "_labels": "labels", "_classes": "mask", "_valid": "mask"}
        sides = {
            "src": (raw, labels, labels % 3, labels > 3),
            "tgt": (warped, labels, labels % 3, labels > 3),
        }
        arrays = {
            side + end: Array(tensor, nature)  # type: ignore[arg-type]
            for side, tensors in sides.items()
            for (end, nature), tensor in zip(natures.items(), tensors, strict=True)
        }
        arrays["src_field"] = Array(field, "field")
        arrays["tgt_field"] = Array(inverse(field), "field")
        return Batch(arrays)
    arrays = {
        "raw": Array(raw),
        "warped": Array(warped),
        "field": Array(field, "field"),
        "labels": Array(labels, "labels"),
        "classes": Array(labels % 3, "mask"),
        "valid": Array(labels > 3, "mask"),
    }
    if layout == "pictures":
        return Batch(arrays)
    return mapped(Batch(arrays), lambda x: x.view(2, depth, *x.shape[1:]).transpose(1, 2))


def waves(count: int, lengths: Sequence[float]) -> list[Tensor]:
    """Waves (M, 1, H, W) of values -1 to 1 and of lengths in pixels, unlike in each picture."""
    import torch

    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    start = torch.arange(count).view(-1, 1, 1, 1)
    turns = [
        x / lengths[0] + start / 3,
        y / lengths[1] + start / 5,
        (x - y) / lengths[2] + start / 7,
    ]
    return [torch.sin(2 * math.pi * each) for each in turns]


def tissue(count: int) -> Tensor:
    """Smooth pictures (M, 1, H, W) of values 0.2 to 1, with a hole near a corner."""
    first, second, third = waves(count, (19, 23, 31))
    image = 0.6 + 0.15 * first + 0.15 * second + 0.1 * third
    image[..., 4:9, 5:11] = 0
    return image


def gentle_field(count: int) -> Tensor:
    """Fields (M, 2, H, W) of vectors up to 3 pixels long, which differ along x and y."""
    import torch

    first, second, third = waves(count, (40, 50, 60))
    return torch.cat([1.5 * second + 0.5, 1.2 * first - 0.5 * third - 1], dim=1)


def inverse(field: Tensor) -> Tensor:
    """The field g for which ``g(p) + f(p + g(p)) = 0``."""
    from metroem_core.field import sample

    found = -field
    for _ in range(50):
        found = -sample(field, found, "border")
    return found


def blocks(count: int) -> Tensor:
    """Labels (M, 1, H, W) that neither float32 nor float64 can hold, block by block."""
    import torch

    block = torch.arange(SIDE) // 8
    labels = block[:, None] + block + 2**60 + torch.arange(count).view(-1, 1, 1, 1)
    return torch.where(labels % 5 == 0, 0, labels)
