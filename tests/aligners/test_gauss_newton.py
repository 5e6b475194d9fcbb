import pytest
import torch
import torch.nn.functional as F

from metroem_aligners.gauss_newton import refine
from metroem_aligners.gauss_newton.gaps import thin
from metroem_core.field import affine, fold_mask, random_smooth, sample

SIZE = 128


def grains(seed=0, size=SIZE):
    """Grey grains of some pixels, 0.1 to 1, (1, 1, size, size)."""
    generator = torch.Generator().manual_seed(seed)
    grey = torch.rand(1, 1, size + 6, size + 6, generator=generator)
    for _ in range(3):
        grey = F.avg_pool2d(grey, 3, stride=1)
    low, high = grey.aminmax()
    return 0.1 + 0.9 * (grey - low) / (high - low)


def smooth(magnitude, seed=0):
    """A field of vectors of some pixels, one like the next within 64."""
    return random_smooth((SIZE, SIZE), magnitude, 64, torch.Generator().manual_seed(seed))


def warped(picture, field):
    """A picture by a field, with the edges going on outside, so that there are data everywhere."""
    return sample(picture, field, padding="border")


def refined(src, tgt, start=None, **choices):
    return refine(src, tgt, torch.zeros(len(src), 2, *src.shape[-2:]) if start is None else start,
                  **choices)  # fmt: skip


def distance(field, truth):
    """The median distance from the truth away from the edges."""
    return (field - truth)[..., 24:-24, 24:-24].norm(dim=1).median().item()


def test_equal_pictures_need_no_field():
    field, sure = refined(grains(), grains())
    assert field.abs().max() < 1e-3
    assert sure[..., 24:-24, 24:-24].min() > 0.9


@pytest.mark.parametrize("shift", [(2.0, 0.0), (-1.25, 3.5)])
def test_a_shift_is_found_to_a_fraction_of_a_pixel(shift):
    truth = torch.tensor(shift).view(1, 2, 1, 1).expand(1, 2, SIZE, SIZE)
    field, _ = refined(grains(), warped(grains(), truth))
    assert distance(field, truth) < 0.03


def test_an_affine_field_is_found():
    truth = affine(torch.tensor([[[1.01, 0.02, 0], [-0.015, 0.99, 0]]]), (SIZE, SIZE))
    field, _ = refined(grains(), warped(grains(), truth))
    assert distance(field, truth) < 0.03


def test_a_smooth_field_is_found_without_folds():
    truth = smooth(4)
    field, _ = refined(grains(), warped(grains(), truth))
    assert distance(field, truth) < 0.1
    assert not fold_mask(field).any()


def test_the_start_leads_where_pictures_alone_would_not():
    truth = torch.tensor([21.0, -18.0]).view(1, 2, 1, 1).expand(1, 2, SIZE, SIZE)
    wide = grains(size=2 * SIZE)
    src, tgt = wide[..., 64:192, 64:192], wide[..., 46:174, 85:213]
    field, _ = refined(src, tgt, truth + 1.5)
    assert distance(field, truth) < 0.03


def test_invalid_vectors_of_the_start_count_for_nothing():
    truth = smooth(4)
    start = truth.clone()
    start[..., 40:60, 40:60] = torch.nan
    field, _ = refined(grains(), warped(grains(), truth), start)
    assert distance(field, truth) < 0.1


def test_brightness_and_contrast_make_no_difference():
    truth = smooth(4)
    tgt = warped(grains(), truth)
    field, _ = refined(grains(), tgt)
    other, _ = refined(100 * grains() + 7, 0.3 * tgt + 0.2)
    torch.testing.assert_close(other, field, atol=0.02, rtol=0)


def test_what_has_no_data_does_not_count():
    truth = smooth(4)
    src, tgt = grains(), warped(grains(), truth)
    tgt[..., 30:80, 40:90] = 0
    field, sure = refined(src, tgt)
    assert distance(field, truth) < 0.2
    assert sure[0, 0, 55, 65] < 0.5 * sure[0, 0, 100, 100]


def test_a_picture_without_texture_has_no_confidence():
    field, sure = refined(torch.full((1, 1, SIZE, SIZE), 0.5), grains())
    assert field.isfinite().all()
    assert sure.max() < 1e-3


def test_what_is_far_away_has_no_say():
    far, noise = (1, 1, SIZE, 4 * SIZE), torch.Generator().manual_seed(2)
    src = grains(size=4 * SIZE)[..., :SIZE, :]
    truth = random_smooth(far[-2:], 4, 64, torch.Generator().manual_seed(0))
    tgt = warped(src, truth) + 0.1 * torch.randn(far, generator=noise)
    spoilt = tgt.clone()
    spoilt[..., 3 * SIZE :] = torch.rand(1, 1, SIZE, SIZE, generator=noise)
    field, other = (refined(src, each)[0][..., :SIZE] for each in (tgt, spoilt))
    assert (field - other).norm(dim=1).max() < 0.02


def test_confidence_falls_with_noise():
    tgt, generator = warped(grains(), smooth(4)), torch.Generator().manual_seed(1)
    noise = torch.randn(tgt.shape, generator=generator)
    sure = [refined(grains(), tgt + level * noise)[1].mean() for level in (0, 0.1, 0.4)]
    assert sure[0] > sure[1] > sure[2]


def test_unlike_pictures_have_little_confidence():
    assert refined(grains(), grains(seed=1))[1].mean() < 0.2


def test_unlike_pictures_leave_the_field_stiff():
    field, _ = refined(grains(), grains(seed=1))
    assert not fold_mask(field).any()


def test_exchanging_x_and_y_exchanges_the_components():
    src, tgt = grains(), warped(grains(), smooth(4))
    field, _ = refined(src, tgt)
    other, _ = refined(src.mT, tgt.mT)
    torch.testing.assert_close(other, field.mT.flip(1), atol=2e-3, rtol=0)


def test_a_mirror_image_has_the_mirrored_field():
    src, tgt = grains(), warped(grains(), smooth(4))
    field, _ = refined(src, tgt)
    other, _ = refined(src.flip(-2), tgt.flip(-2))
    sign = torch.tensor([1, -1]).view(1, 2, 1, 1)
    torch.testing.assert_close(other.flip(-2) * sign, field, atol=2e-3, rtol=0)


def test_a_batch_is_as_its_samples_alone():
    src = torch.cat([grains(), grains(1)])
    tgt = torch.cat([warped(grains(), smooth(4)), warped(grains(1), smooth(2, 1))])
    field, sure = refined(src, tgt)
    for k in range(2):
        alone = refined(src[k : k + 1], tgt[k : k + 1])
        torch.testing.assert_close(field[k], alone[0][0], atol=2e-3, rtol=0)
        torch.testing.assert_close(sure[k], alone[1][0], atol=2e-3, rtol=0)


def test_the_same_pair_gives_the_same_field():
    src, tgt = grains(), warped(grains(), smooth(4))
    assert refined(src, tgt)[0].equal(refined(src, tgt)[0])


def test_a_channel_twice_changes_nothing():
    src, tgt = grains(), warped(grains(), smooth(4))
    field, _ = refined(src, tgt)
    twice, _ = refined(src.repeat(1, 2, 1, 1), tgt.repeat(1, 2, 1, 1))
    torch.testing.assert_close(twice, field, atol=2e-3, rtol=0)


@pytest.mark.parametrize("shape", [(1, 1), (7, 90), (33, 20)])
def test_any_size_will_do(shape):
    picture = grains()[..., : shape[0], : shape[1]]
    field, sure = refined(picture, picture)
    assert field.shape[-2:] == sure.shape[-2:] == shape
    assert field.abs().max() < 1e-3


def test_every_step_is_reported():
    told = []
    refined(grains(), grains(), report=lambda done, total, values: told.append((done, total)))
    assert told == [(k, len(told)) for k in range(1, len(told) + 1)]


def torn():
    """A pair whose right half is moved by 6 pixels, with a gap of 6 between, and its true field."""
    wide = grains(size=2 * SIZE)[..., 64:192, :]
    src = wide[..., 64:192].clone()
    src[..., 67:] = wide[..., 125:186]
    src[..., 61:67] = 0
    truth = torch.zeros(1, 2, SIZE, SIZE)
    truth[:, 0, :, 61:] = 6
    return src, wide[..., 64:192], truth


def test_two_sides_of_a_gap_move_apart():
    src, tgt, truth = torn()
    start = F.avg_pool2d(F.pad(truth, [16] * 4, mode="replicate"), 33, stride=1)
    field, _ = refined(src, tgt, start)
    beyond = torch.cat([(field - truth)[..., 24:40], (field - truth)[..., 84:-24]], dim=-1)
    assert beyond.norm(dim=1).median() < 0.2


def test_a_tear_lets_a_field_bend_where_there_is_no_gap():
    src, tgt, truth = torn()
    src = torch.where(src == 0, 0.5, src)
    start = F.avg_pool2d(F.pad(truth, [16] * 4, mode="replicate"), 33, stride=1)
    stiff, loose = (
        (refined(src, tgt, start, tear=tear)[0] - truth)[..., 32:-32].norm(dim=1).mean()
        for tear in (None, 1.0)
    )
    assert loose < stiff


def test_only_thin_stripes_without_data_are_gaps():
    data = torch.ones(1, 1, 64, 64)
    data[..., 30:34] = 0
    data[..., :20, :20] = 0
    data[..., -3:, :] = 0
    gaps = thin(data)
    assert (gaps[..., 25:58, 30:34] == 1).all()
    assert gaps.sum() == gaps[..., 30:34].sum()


def test_stages_choose_how_fine_the_field_becomes():
    from metroem_aligners.gauss_newton.newton import Stage

    truth = smooth(4)
    src, tgt = grains(), warped(grains(), truth)
    coarse, _ = refined(src, tgt, stages=(Stage(2, 32, 8),))
    fine, _ = refined(src, tgt)
    assert distance(fine, truth) < distance(coarse, truth)
