import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from metroem_core.errors import UserError
from metroem_core.kinds import Area
from metroem_core.testing import NormalizerConformance
from metroem_normalizers.data import SMALLEST
from metroem_normalizers.reference_zscore import ReferenceZScore
from metroem_normalizers.zscore import ZScore


def picture(size=(40, 48), seed=0):
    """Random grey values (1, 1, H, W), 0.1 to 0.9."""
    generator = torch.Generator().manual_seed(seed)
    return 0.1 + 0.8 * torch.rand(1, 1, *size, generator=generator)


def everywhere(image):
    return torch.ones_like(image, dtype=torch.bool)


def textbook(image, pixels):
    """The rule, written down for some gathered pixels."""
    pixels = pixels.double()
    return ((image - pixels.mean()) / pixels.std(correction=1)).to(image.dtype)


class TestZScore(NormalizerConformance):
    component = ZScore()


class TestReferenceZScore(NormalizerConformance):
    component = ReferenceZScore(area=Area(3, (64, 56)))


class TestReferenceZScoreOfThePictureItself(NormalizerConformance):
    component = ReferenceZScore()


def test_three_numbers_worked_out_by_hand():
    image = torch.tensor([1.0, 2.0, 6.0]).view(1, 1, 1, 3)
    found = ZScore()(image, everywhere(image))
    expected = torch.tensor([-2, -1, 3]) / 7**0.5  # the mean is 3, the variance 14 / 2
    torch.testing.assert_close(found.view(3), expected)


def test_masked_pixels_zeros_and_nan_are_left_out():
    image = picture()
    image[..., :5, :7], image[..., 6, 6], image[..., 7, 7] = 0, torch.nan, torch.inf
    valid = everywhere(image)
    valid[..., 20:25, :] = False
    counts = valid & (image != 0) & image.isfinite()
    found = ZScore()(image, valid)
    torch.testing.assert_close(found[counts], textbook(image, image[counts])[counts])
    assert (found[~counts] == 0).all()
    assert not found[~counts].signbit().any()


def test_the_reference_is_what_counts():
    image, wide = picture(), 3 * picture((70, 80), seed=1)
    wide[..., :9, :] = 0
    valid = everywhere(wide)
    valid[..., :30] = False
    found = ReferenceZScore(Area(0, (80, 70)))(image, everywhere(image), (wide, valid))
    expected = textbook(image, wide[valid & (wide != 0)])
    torch.testing.assert_close(found, expected)


def test_a_reference_without_data_makes_a_picture_without_data():
    image, wide = picture(), picture() * torch.nan
    found = ReferenceZScore()(image, everywhere(image), (wide, everywhere(wide)))
    assert (found == 0).all()


def test_a_missing_reference_is_refused():
    image = picture()
    with pytest.raises(UserError, match="needs the picture of that area"):
        ReferenceZScore(Area(0, (8, 8)))(image, everywhere(image))


@given(value=st.floats(2**-10, 2**13, width=32), scale=st.sampled_from([1, 1 / 255, 1 / 65535]))
@settings(max_examples=30, deadline=None)
def test_without_variance_the_mean_is_subtracted_and_nothing_divided(value, scale):
    image = torch.full((1, 1, 70, 90), value) * scale
    found = ZScore()(image, everywhere(image))
    assert (found.abs() <= max(SMALLEST, 1e-6 * value)).all()
    assert (found != 0).all()


def test_one_pixel_has_no_variance():
    image = torch.zeros(1, 1, 4, 4)
    image[..., 2, 2] = 5
    assert ZScore()(image, everywhere(image))[0, 0, 2, 2] == SMALLEST


def test_a_value_equal_to_the_mean_stays_data():
    image = torch.tensor([1.0, 2.0, 3.0]).view(1, 1, 1, 3)
    assert ZScore()(image, everywhere(image)).view(3).tolist() == [-1, SMALLEST, 1]


@pytest.mark.parametrize(("mean", "spread"), [(200, 0.05), (1e4, 1.0), (0.5, 1e-4)])
def test_a_little_variance_around_a_large_mean_is_exact(mean, spread):
    image = mean + spread * picture((300, 300))
    found = ZScore()(image, everywhere(image))
    torch.testing.assert_close(found, textbook(image, image), rtol=0, atol=1e-3)
    assert abs(found.double().std().item() - 1) < 1e-3


def test_a_large_picture_is_like_its_rows_one_by_one():
    image = picture((700, 500))
    torch.testing.assert_close(ZScore()(image, everywhere(image)), textbook(image, image))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_on_a_gpu_it_is_the_same():
    image = picture()
    image[..., 3, 3] = torch.nan
    found = ZScore()(image.cuda(), everywhere(image).cuda()).cpu()
    torch.testing.assert_close(found, ZScore()(image, everywhere(image)))
