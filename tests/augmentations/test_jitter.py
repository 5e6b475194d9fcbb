import pytest
import torch

from metroem_augmentations.jitter import Jitter
from metroem_core.batch import Array, Batch, pair
from metroem_core.testing.augmentation import AugmentationConformance


class TestJitter(AugmentationConformance):
    component = Jitter(max_disp=16)
    moves = True


def dots(count=200, size=61):
    """Pictures of one section each, with a single pixel in the middle."""
    stack = torch.zeros(1, 1, count, size, size)
    stack[..., size // 2, size // 2] = 0.5
    return Batch({"raw": Array(stack)})


def shifts(jitter, batch, name="raw", seed=0):
    """By how much each section was shifted along y and x, (Z, 2)."""
    after = jitter(batch, torch.Generator().manual_seed(seed))[name].tensor
    size = after.shape[-1]
    return (after[0, 0] != 0).nonzero()[:, 1:] - size // 2


@pytest.mark.parametrize(("max_disp", "longest"), [(64, 22), (16, 5), (2, 1), (1, 1)])
def test_sections_are_shifted_along_both_axes_by_whole_pixels(max_disp, longest):
    found = shifts(Jitter(max_disp), dots()).abs()
    assert (found.min(), found.max()) == (1, longest)


def test_long_shifts_are_up_to_4_times_as_likely():
    found = shifts(Jitter(64), dots(3000)).abs().flatten()
    counts = torch.bincount(found)[1:].float()
    assert counts[-3:].mean() / counts[:3].mean() == pytest.approx(4, rel=0.35)


def test_sections_move_one_by_one_and_either_way():
    found = shifts(Jitter(), dots())
    assert (found > 0).float().mean() == pytest.approx(0.5, abs=0.1)
    assert len(found.unique(dim=0)) > 100


def test_greys_are_moved_and_none_is_changed():
    stack = torch.rand(1, 1, 4, 20, 20) + 0.1
    after = Jitter(8)(Batch({"raw": Array(stack)}), torch.Generator().manual_seed(0))["raw"].tensor
    for section, before in zip(after[0, 0], stack[0, 0], strict=True):
        rows, columns = section.any(1), section.any(0)
        greys = section[rows][:, columns]
        at = (before == greys[0, 0]).nonzero()[0]
        assert greys.equal(before[at[0] :, at[1] :][: greys.shape[0], : greys.shape[1]])


def test_both_sides_of_a_pair_move_apart_and_the_field_tells_by_how_much():
    batch = pair(*dots(2)["raw"].tensor[0, 0][:, None, None])
    batch = batch.put(src_field=Array(torch.zeros(1, 2, 61, 61), "field"))
    after = Jitter(16)(batch, torch.Generator().manual_seed(0))
    src, tgt = ((after[side].tensor[0, 0] != 0).nonzero()[0] for side in ("src", "tgt"))
    vector = after["src_field"].tensor[0, :, 30, 30].flip(0)
    assert not src.equal(tgt)
    torch.testing.assert_close(vector, (src - tgt).float(), atol=1e-4, rtol=0)


def test_some_sections_stay_where_they_are():
    found = shifts(Jitter(prob=0.5), dots(1000))
    assert (found == 0).all(1).float().mean() == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16, torch.float16])
def test_every_type_is_shifted(dtype):
    stack = torch.arange(1, 101).view(1, 1, 1, 10, 10).to(dtype)
    batch = Batch({"raw": Array(stack), "labels": Array(stack, "labels")})
    after = Jitter(3)(batch, torch.Generator().manual_seed(1))
    assert after["raw"].tensor.equal(after["labels"].tensor)
    assert (after["raw"].tensor.long() == 0).sum() == 19


def test_pictures_smaller_than_the_shift_are_emptied():
    batch = Batch({"raw": Array(torch.ones(1, 1, 40, 3, 3))})
    assert (Jitter(64)(batch, torch.Generator())["raw"].tensor == 0).any()


def test_a_distance_of_0_is_refused():
    with pytest.raises(ValueError, match="'max_disp' must be >= 1: 0"):
        Jitter(0)
