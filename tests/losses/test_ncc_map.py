import numpy as np
import pytest
import torch

from metroem_core.testing import SimilarityConformance
from metroem_losses.similarity.ncc import NCC


class TestNCC(SimilarityConformance):
    component = NCC(window=5)


class TestNCCOfWholePictures(SimilarityConformance):
    component = NCC(window=None)


def pictures(size=(12, 14), seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(2, 1, 1, *size, generator=generator, dtype=torch.float64)


def everywhere(image):
    return torch.ones_like(image[:, :1], dtype=torch.bool)


def test_it_is_one_minus_the_correlation_of_the_windows():
    warped, target = pictures()
    valid = torch.rand(1, 1, 12, 14, generator=torch.Generator().manual_seed(1)) > 0.3
    valid[0, 0, 6, 7] = True
    window = (0, 0, slice(4, 9), slice(5, 10))
    inside = valid[window]
    expected = 1 - np.corrcoef(warped[window][inside], target[window][inside])[0, 1]
    found = NCC(window=5, noise=1e-9)(warped, target, valid)[0, 0, 6, 7].item()
    assert found == pytest.approx(expected)


def test_of_whole_pictures_every_pixel_has_one_minus_their_correlation():
    warped, target = pictures()
    valid = torch.rand(1, 1, 12, 14, generator=torch.Generator().manual_seed(1)) > 0.3
    expected = 1 - np.corrcoef(warped[valid], target[valid])[0, 1]
    unlike = NCC(window=None, noise=1e-9)(warped, target, valid)
    torch.testing.assert_close(unlike, expected * valid.double())


@pytest.mark.parametrize(("gain", "offset"), [(1, 0.3), (0.5, 0), (3, -0.2)])
def test_brightness_and_contrast_do_not_matter(gain, offset):
    target, _ = pictures()
    unlike = NCC(noise=1e-6)(gain * target + offset, target, everywhere(target))
    assert unlike.max() < 1e-6


def test_a_negative_is_as_unlike_as_can_be():
    target, _ = pictures()
    unlike = NCC(noise=1e-6)(1 - target, target, everywhere(target))
    torch.testing.assert_close(unlike, torch.full_like(unlike, 2.0))


def test_flat_windows_are_unlike_anything_and_do_no_harm():
    target, _ = pictures()
    flat = torch.full_like(target, 0.3).requires_grad_()
    unlike = NCC()(flat, target, everywhere(target))
    torch.testing.assert_close(unlike, torch.ones_like(unlike))
    unlike.sum().backward()
    assert flat.grad.isfinite().all()


def test_a_large_offset_costs_no_precision():
    warped, target = (image.float() for image in pictures())
    near, far = (NCC()(warped + x, target + x, everywhere(target)) for x in (0, 1000))
    torch.testing.assert_close(far, near, atol=1e-3, rtol=0)


@pytest.mark.parametrize("window", [3, None])
def test_gradient(window):
    warped, target = pictures((6, 7))
    valid = torch.rand(1, 1, 6, 7) > 0.2
    ncc = NCC(window=window)
    assert torch.autograd.gradcheck(lambda w: ncc(w, target, valid), warped.requires_grad_())


@pytest.mark.parametrize("window", [4, 1, -3])
def test_a_window_without_a_centre_is_refused(window):
    with pytest.raises(ValueError, match=f"'window' must be odd and >= 3: {window}"):
        NCC(window=window)
