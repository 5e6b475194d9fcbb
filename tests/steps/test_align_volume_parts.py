"""Laws of what the alignment of volumes is made of."""

import math
from concurrent.futures import BrokenExecutor

import numpy as np
import pytest
import torch

from metroem_core.field import compose, finite, random_smooth
from metroem_core.geometry import Box
from metroem_executors.local import Local
from metroem_steps.aligning.composing import candidate, decayed, elected, joined
from metroem_steps.aligning.histogram import counts_of, percentile, together
from metroem_steps.aligning.reading import cut
from metroem_steps.aligning.smooth import around, around_all, continued, smooth_part
from metroem_steps.aligning.window import window
from metroem_steps.rendering.kept import Kept
from metroem_steps.rendering.pipeline import overlapped, told

BOX = Box((40, 24, 5), (104, 72, 6))
WORKS = ("read", "compute", "write")


def field(*vector, size=(48, 64)):
    """The field of one vector, (1, 2, H, W)."""
    return torch.tensor(vector, dtype=torch.float32).view(1, 2, 1, 1).expand(1, 2, *size).clone()


@pytest.mark.parametrize("sigma", [2, 8, 20])
def test_the_smooth_part_of_what_is_smooth_is_all_of_it(sigma):
    found = smooth_part(field(3, -2, size=(96, 96)), sigma)
    torch.testing.assert_close(found, field(3, -2, size=(96, 96)))


def test_the_smooth_part_of_ripples_is_nothing():
    x = torch.arange(128.0)
    ripples = field(0, 0, size=(128, 128)) + torch.cos(x * math.pi / 4)
    assert smooth_part(ripples, 16)[..., 48:-48, 48:-48].abs().max() < 1e-2


def test_the_smooth_part_is_that_of_valid_vectors_and_ends_three_sigma_from_them():
    given = field(3, -2, size=(96, 96))
    given[..., 20:60] = math.nan
    given[0, 0, :, 60:] = math.inf
    found = smooth_part(given, 4)
    torch.testing.assert_close(found[..., :28], field(3, -2, size=(96, 28)))
    assert found[..., 40:].isnan().all()


@pytest.mark.parametrize("start", [(40, 24), (41, 27), (-7, -3)])
def test_the_smooth_part_does_not_depend_on_where_a_box_begins(start):
    whole = Box((-256, -256, 0), (256, 256, 1))
    given = random_smooth((512, 512), 5, 12, torch.Generator().manual_seed(0))
    box = Box.of((*start, 0), (40, 30, 1))
    wide = around(box, 16)
    found = cut(smooth_part(cut(given, whole, wide), 16), wide, box)
    torch.testing.assert_close(found, cut(smooth_part(given, 16), whole, box), atol=1e-5, rtol=0)


def test_a_field_goes_on_without_a_step_and_becomes_its_smooth_part():
    given = random_smooth((256, 256), 5, 24, torch.Generator().manual_seed(2))
    largest = given.diff(dim=-1).abs().max()
    given[..., 128:] = math.nan
    box = Box((64, 64, 0), (192, 192, 1))
    boxes = around_all(box, 32)
    whole = Box((0, 0, 0), (256, 256, 1))
    wide = torch.full((1, 2, *boxes[0].shape[1:]), math.nan)
    cut(wide, boxes[0], whole)[:] = given
    found, worth = continued(wide, boxes, 32).split((2, 1), dim=1)
    torch.testing.assert_close(found[..., :64], given[..., 64:192, 64:128])
    assert found.diff(dim=-1)[..., 60:68].abs().max() < 2 * largest
    smooth = cut(smooth_part(wide, 32), boxes[0], box)
    torch.testing.assert_close(found[..., 110:], smooth[..., 110:])
    assert (found - smooth)[..., 64].abs().max() > 1
    assert (worth[..., :80] > 0.99).all()
    assert worth[..., -1].max() < 0.5
    assert worth.diff(dim=-1).abs().max() < 0.08


def test_what_is_nowhere_valid_goes_on_as_nothing_of_any_worth():
    boxes = around_all(BOX, 8)
    nothing = torch.full((1, 2, *boxes[0].shape[1:]), math.nan)
    assert (continued(nothing, boxes, 8) == 0).all()


def test_where_one_candidate_ends_the_others_take_over_little_by_little():
    both, one, ends = (field(each, 0, size=(64, 160)) for each in (4, 1, 7))
    ends[..., 64:] = math.nan
    one[..., 120:] = math.nan
    found = torch.where(finite(ends), both, one)
    result = joined(found, both, [one, ends])[0, 0, 32]
    torch.testing.assert_close(result[:64], both[0, 0, 32, :64])
    torch.testing.assert_close(result[90:94], one[0, 0, 32, 90:94])
    torch.testing.assert_close(result[120:], both[0, 0, 32, 120:])
    assert result.diff().abs().max() < 0.5


def test_half_of_the_smooth_part_decays_in_a_half_life():
    found = decayed(field(8, 4), field(6, 4), sections=5, half_life=5)
    torch.testing.assert_close(found, field(5, 2))
    torch.testing.assert_close(decayed(field(8, 4), field(math.nan, 4), 5, 5), field(8, 4))


def test_a_window_is_as_large_as_the_vectors_make_it():
    given = field(10.5, -3)
    given[0, 0, 7, 9] = 20.25
    given[0, 1, 8, 3] = math.nan
    found = window(given, BOX)
    assert found.box == Box((49, 20, 5), (127, 71, 6))
    assert found.field.shape[-2:] == found.box.shape[1:]


def test_a_candidate_is_the_composition_of_what_was_read():
    generator = torch.Generator().manual_seed(1)
    total, pair = random_smooth((160, 160), 6, 30, generator, count=2).split(1)
    whole = Box((0, 0, 5), (160, 160, 6))
    found = candidate(cut(total, whole, BOX), BOX, lambda box: cut(pair, whole, box))
    wanted = cut(compose(total, pair), whole, BOX)
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=0)


def test_the_majority_is_elected_and_one_alone_elects_itself():
    candidates = [field(1, 1), field(1, 1), field(30, 1)]
    candidates[1][..., 20:] = math.nan  # the first and the last are left
    candidates[0][..., 40:] = math.nan
    candidates[2][..., 50:] = math.nan
    found = elected(candidates, 1.0)
    torch.testing.assert_close(found[..., :16], field(1, 1, size=(48, 16)))
    torch.testing.assert_close(found[..., 43:50], field(30, 1, size=(48, 7)))
    assert found[..., 50:].isnan().all()


def test_percentiles_are_known_to_a_few_percent_of_themselves():
    values = torch.from_numpy(np.random.default_rng(0).gamma(2, 3, 20000))
    halves = together([counts_of(values[:5000]), counts_of(values[5000:])])
    assert halves == counts_of(values)
    for share in (5, 50, 95):
        wanted = np.percentile(values, share)
        assert percentile(halves, share) == pytest.approx(wanted, rel=0.03)


def test_there_are_no_percentiles_of_nothing():
    assert percentile(counts_of(torch.tensor([math.nan, math.inf])), 50) is None
    assert percentile(counts_of(torch.tensor([1e9])), 50) == pytest.approx(4096, rel=0.06)


def test_reading_and_writing_go_on_while_something_is_computed():
    seen = []

    def noted(name, answer):
        def work(item, *_):
            seen.append(f"{name} {item}")
            return answer

        return work

    seconds = overlapped(range(4), noted("read", 1), noted("compute", 2), noted("write", 3))
    assert sorted(seen) == sorted(f"{n} {i}" for n in WORKS for i in range(4))
    for name in WORKS:
        assert [each for each in seen if name in each] == [f"{name} {i}" for i in range(4)]
    assert seconds.keys() == {*WORKS, "passed"}


def test_shares_of_time_add_up_to_all_of_it():
    clock = {"read": 1.0, "compute": 1.0, "write": 1.0, "passed": 2.0}
    assert told(3_000_000, clock) == (
        "3 Mpix, 1.5 Mpix/s by each worker: read 33%, compute 34%, write 33%"
    )


@pytest.mark.parametrize("kind", ["read", "compute", "write"])
def test_what_goes_wrong_in_a_thread_is_told(kind):
    def fail(*_):
        raise ValueError(kind)

    works = {name: fail if name == kind else lambda *_: None for name in WORKS}
    with pytest.raises(ValueError, match=kind):
        overlapped(range(3), **works)


def test_an_executor_is_kept_until_it_breaks():
    with Kept(Local(processes=1)) as kept:
        with kept.open() as first, kept.open() as second:
            assert first.pool is second.pool
            assert first.workers == 1
            assert first.submit(math.sqrt, 4).result() == 2
        with pytest.raises(BrokenExecutor), kept.open() as broken:
            raise BrokenExecutor
        with kept.open() as third:
            assert third.pool is not broken.pool
