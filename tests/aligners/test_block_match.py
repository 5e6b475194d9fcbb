import math

import pytest
import torch

from metroem_aligners.block_match import BlockMatch
from metroem_core.batch import Array, pair
from metroem_core.errors import UserError
from metroem_core.field import random_smooth, sample
from metroem_core.testing import AlignerConformance

SIZE = 128
EDGE = 64  # pixels around a picture that shifted ones are cut from


class TestBlockMatch(AlignerConformance):
    component = BlockMatch()


class TestBlockMatchByTiles(AlignerConformance):
    component = BlockMatch(method="tiles", tile_size=16, tile_step=8, max_disp=6)


@pytest.fixture(params=["convex", "tiles"])
def matcher(request):
    return BlockMatch(method=request.param, max_disp=24)


def grains(seed=0, size=SIZE + 2 * EDGE):
    """Grey grains of some pixels, 0.1 to 1, (1, 1, size, size)."""
    generator = torch.Generator().manual_seed(seed)
    grey = torch.rand(1, 1, size + 4, size + 4, generator=generator)
    for _ in range(2):
        grey = torch.nn.functional.avg_pool2d(grey, 3, stride=1)
    low, high = grey.aminmax()
    return 0.1 + 0.9 * (grey - low) / (high - low)


def cut(picture, x=0, y=0):
    """The middle of a picture, moved by x and y."""
    rows, columns = (slice(EDGE + d, EDGE + d + SIZE) for d in (y, x))
    return picture[..., rows, columns]


def shifted(x, y, seed=0):
    """A pair whose true field is (x, y) everywhere."""
    picture = grains(seed)
    return pair(cut(picture), cut(picture, x, y))


def inner(tensor, edge=32):
    return tensor[..., edge:-edge, edge:-edge]


def error(prediction, truth):
    """The median distance from the truth (1, 2, H, W), or (2,), away from the edges."""
    truth = truth.view(1, 2, 1, 1).expand_as(prediction.field) if truth.ndim == 1 else truth
    return inner(prediction.field - truth).norm(dim=1).median().item()


@pytest.mark.parametrize("shift", [(3, 0), (-17, 11), (20, -22)])
def test_a_shift_is_found(matcher, shift):
    prediction = matcher.build()(shifted(*shift))
    assert error(prediction, torch.tensor(shift)) < 0.3
    assert inner(prediction.confidence).median() > 0.5


def test_a_turn_is_found(matcher):
    picture, angle = grains(), 0.06
    y, x = torch.meshgrid(*[torch.arange(256.0) - 127.5] * 2, indexing="ij")
    turn = torch.stack([-angle * y, angle * x])[None]
    batch = pair(cut(picture), cut(sample(picture, turn)))
    assert error(matcher.build()(batch), cut(turn)) < 0.4


def test_a_shift_beyond_the_largest_has_little_confidence(matcher):
    near = matcher.build()(shifted(10, 5)).confidence
    far = matcher.build()(shifted(-60, 50)).confidence
    assert inner(far).median() < 0.2 < inner(near).median()


def test_noise_lowers_the_confidence(matcher):
    batch, generator = shifted(5, -3), torch.Generator().manual_seed(1)
    noise = torch.randn(1, 1, SIZE, SIZE, generator=generator)
    sure = [
        matcher.build()(batch.put(src=Array(batch["src"].tensor + level * noise))).confidence
        for level in (0, 0.1, 0.4)
    ]
    assert sure[0].mean() > sure[1].mean() > sure[2].mean()


def test_exchanging_x_and_y_exchanges_the_components():
    batch = shifted(7, -4)
    turned = pair(*(batch[name].tensor.mT for name in ("src", "tgt")))
    field, other = (BlockMatch().build()(each).field for each in (batch, turned))
    torch.testing.assert_close(other, field.mT.flip(1), atol=2e-3, rtol=0)


def test_a_mirror_image_has_the_mirrored_field():
    batch = shifted(7, -4)
    mirrored = pair(*(batch[name].tensor.flip(-1) for name in ("src", "tgt")))
    field, other = (BlockMatch().build()(each).field for each in (batch, mirrored))
    sign = torch.tensor([-1, 1]).view(1, 2, 1, 1)
    torch.testing.assert_close(other.flip(-1) * sign, field, atol=2e-3, rtol=0)


def test_a_batch_is_as_its_samples_alone(matcher):
    ones = [shifted(5, 2), shifted(-8, 3, seed=1)]
    both = pair(*(torch.cat([one[name].tensor for one in ones]) for name in ("src", "tgt")))
    together = matcher.build()(both)
    for k, one in enumerate(ones):
        alone = matcher.build()(one)
        torch.testing.assert_close(together.field[k], alone.field[0], atol=2e-3, rtol=0)
        torch.testing.assert_close(together.confidence[k], alone.confidence[0], atol=2e-3, rtol=0)


def test_what_has_no_data_does_not_count(matcher):
    batch = shifted(9, 4)
    src = batch["src"].tensor.clone()
    src[..., 20:60, 30:70] = 0
    prediction = matcher.build()(batch.put(src=Array(src)))
    assert error(prediction, torch.tensor([9, 4])) < 0.3
    assert prediction.confidence[0, 0, 30, 40] < prediction.confidence[0, 0, 90, 90]


@pytest.mark.parametrize("name", ["tgt_mask", "tgt_defects"])
def test_what_a_mask_leaves_out_has_no_influence(matcher, name):
    batch, left_out = shifted(9, 4), torch.zeros(1, 1, SIZE, SIZE, dtype=torch.bool)
    left_out[..., 20:60, 30:70] = True
    masks = {name: Array(left_out if name == "tgt_defects" else ~left_out, "mask")}
    spoilt = batch.put(tgt=Array(torch.where(left_out, 0.9, batch["tgt"].tensor)))
    clean, found = (matcher.build()(each.put(**masks)) for each in (batch, spoilt))
    assert found.field.equal(clean.field)
    assert found.confidence.equal(clean.confidence)


@pytest.mark.parametrize("side", ["src", "tgt"])
def test_a_picture_that_is_wholly_masked_moves_nothing_and_is_not_trusted(matcher, side):
    nothing = {f"{side}_mask": Array(torch.zeros(1, 1, SIZE, SIZE), "mask")}
    prediction = matcher.build()(shifted(9, 4).put(**nothing))
    assert (prediction.field == 0).all()
    assert (prediction.confidence == 0).all()


def test_a_mask_of_another_shape_is_refused(matcher):
    mask = Array(torch.ones(1, 1, 4, 4), "mask")
    with pytest.raises(UserError, match="src_mask is 1 x 1 x 4 x 4, but .* 1 x 1 x 128 x 128"):
        matcher.build()(shifted(0, 0).put(src_mask=mask))


def test_it_goes_on_from_the_field_so_far(matcher):
    batch = shifted(-40, 30)
    start = torch.tensor([-36.0, 33.0]).view(1, 2, 1, 1).expand(1, 2, SIZE, SIZE)
    prediction = matcher.build()(batch.put(src_field=Array(start, "field")))
    assert error(prediction, torch.tensor([-40, 30])) < 0.3


@pytest.mark.parametrize("grey", [0.0, 0.5, 100 / 255])
def test_without_texture_the_field_so_far_stays_with_no_confidence(matcher, grey):
    batch = shifted(0, 0)
    start = random_smooth((SIZE, SIZE), 5, 32, torch.Generator().manual_seed(0))
    plain = torch.full((1, 1, SIZE, SIZE), grey)
    prediction = matcher.build()(batch.put(tgt=Array(plain), src_field=Array(start, "field")))
    assert prediction.field.equal(start)
    assert (prediction.confidence == 0).all()


def test_channels_have_their_say_together():
    one, other = grains(0), grains(1)
    src, tgt = (torch.cat([cut(x, *d), cut(y, *d)], dim=1) for x, y, d in
                [(one, other, (0, 0)), (one, other, (6, -9))])  # fmt: skip
    assert error(BlockMatch().build()(pair(src, tgt)), torch.tensor([6, -9])) < 0.3


def test_two_sides_of_a_gap_move_apart():
    picture = grains()
    src = cut(picture).clone()
    src[..., 70:] = cut(picture, x=-10)[..., 70:]
    src[..., 60:70] = 0
    field = BlockMatch().build()(pair(src, cut(picture))).field
    assert inner(field)[0, 0, :, 0].median().abs() < 0.5
    assert (inner(field)[0, 0, :, -1].median() - 10).abs() < 0.5


def test_pixels_that_are_no_numbers_are_refused(matcher):
    batch = shifted(0, 0)
    with pytest.raises(UserError, match="src has pixels that are not finite"):
        matcher.build()(batch.put(src=Array(batch["src"].tensor * math.nan)))


def test_pictures_of_different_sizes_are_refused(matcher):
    batch = shifted(0, 0)
    with pytest.raises(UserError, match="crop or pad one of them"):
        matcher.build()(batch.put(src=Array(batch["src"].tensor[..., :-1])))


def test_a_field_of_another_shape_is_refused(matcher):
    batch = shifted(0, 0).put(src_field=Array(torch.zeros(1, 2, 4, 4), "field"))
    with pytest.raises(UserError, match="src_field is 1 x 2 x 4 x 4"):
        matcher.build()(batch)


def test_parameters_of_tiles_are_refused_by_the_other_method():
    with pytest.raises(ValueError, match="'tile_size' is for method 'tiles'"):
        BlockMatch(tile_size=32)
    with pytest.raises(ValueError, match="'max_disp' must be >= 1"):
        BlockMatch(max_disp=0)
