import pytest
import torch
import torch.nn.functional as F

from metroem_core.testing import SimilarityConformance
from metroem_losses.similarity.mind import MIND
from metroem_losses.similarity.mse import MSE


class TestMIND(SimilarityConformance):
    component = MIND()


def texture(size=(40, 48), seed=0):
    """Blobs of grey values from 0.05 to 1, (1, 1, H, W)."""
    generator = torch.Generator().manual_seed(seed)
    grey = torch.rand(1, 1, *size, generator=generator, dtype=torch.float64)
    blobs = F.avg_pool2d(F.avg_pool2d(grey, 3, 1, 1), 3, 1, 1)
    low, high = blobs.aminmax()
    return 0.05 + 0.95 * (blobs - low) / (high - low)


def everywhere(image):
    return torch.ones_like(image[:, :1], dtype=torch.bool)


def patch_by_patch(image, valid, y, x, window, distance, noise):
    """The formula as it is written, for one pixel."""
    half, unlike = window // 2, []
    for dy, dx in ((0, distance), (distance, 0), (0, -distance), (-distance, 0)):
        squares = [
            (image[i, j] - image[i + dy, j + dx]) ** 2
            for i in range(y - half, y + half + 1)
            for j in range(x - half, x + half + 1)
            if valid[i, j] and valid[i + dy, j + dx]
        ]
        unlike.append(torch.stack(squares).mean())
    unlike = torch.stack(unlike)
    return (-unlike / (unlike.mean() + noise**2)).exp()


def test_it_is_the_formula():
    warped, target = texture((16, 18)), texture((16, 18), seed=1)
    valid = torch.rand(16, 18, generator=torch.Generator().manual_seed(2)) > 0.3
    valid[8, 9] = True
    described = (patch_by_patch(i[0, 0], valid, 8, 9, 5, 2, 0.03) for i in (warped, target))
    expected = (next(described) - next(described)).square().mean()
    found = MIND(window=5, distance=2, noise=0.03)(warped, target, valid[None, None])
    torch.testing.assert_close(found[0, 0, 8, 9], expected)


CONTRASTS = {
    "as it is": lambda grey: grey,
    "a gamma of 0.4": lambda grey: grey**0.4,
    "a gamma of 2.5": lambda grey: grey**2.5,
    "a negative": lambda grey: 1.05 - grey,
    "faint and bright": lambda grey: 0.7 + 0.2 * grey,
}


@pytest.mark.parametrize("contrast", CONTRASTS.values(), ids=CONTRASTS)
@pytest.mark.parametrize("distance", [1, 2])
def test_whatever_the_contrast_the_right_place_is_the_most_alike(contrast, distance):
    src = texture()
    target, mind = contrast(src), MIND(distance=distance)
    unlike = {
        (dy, dx): mind(src.roll((dy, dx), (2, 3)), target, everywhere(src))[..., 8:-8, 8:-8].mean()
        for dy in range(-3, 4)
        for dx in range(-3, 4)
    }
    assert min(unlike, key=unlike.get) == (0, 0)


def test_mean_squared_error_would_be_misled_by_a_negative():
    src = texture()
    unlike = [MSE()(src.roll(d, 3), 1.05 - src, everywhere(src)).mean() for d in (0, 3)]
    assert unlike[0] > unlike[1]


def test_brightness_and_a_negative_change_nothing():
    warped, target = texture(), texture(seed=1)
    expected = MIND()(warped, target, everywhere(warped))
    found = MIND()(1 - warped, target + 0.3, everywhere(warped))
    torch.testing.assert_close(found, expected)


def test_flat_pictures_are_alike_and_do_no_harm():
    flat = torch.full((1, 1, 9, 9), 0.3, dtype=torch.float64, requires_grad=True)
    unlike = MIND()(flat, 0 * flat.detach() + 0.6, everywhere(flat))
    assert unlike.max() == 0
    unlike.sum().backward()
    assert flat.grad.isfinite().all()


def test_a_lone_valid_pixel_has_nothing_to_be_compared_with():
    valid = torch.zeros(1, 1, 9, 9, dtype=torch.bool)
    valid[..., 4, 4] = True
    assert MIND()(texture((9, 9)), texture((9, 9), seed=1), valid).max() == 0


def test_gradient():
    warped, target = texture((7, 8)).requires_grad_(), texture((7, 8), seed=1)
    valid = torch.rand(1, 1, 7, 8, generator=torch.Generator().manual_seed(2)) > 0.2
    mind = MIND(window=3)
    assert torch.autograd.gradcheck(lambda w: mind(w, target, valid), warped)


@pytest.mark.parametrize("window", [4, 0, -3])
def test_a_window_without_a_centre_is_refused(window):
    with pytest.raises(ValueError, match=f"'window' must be odd and >= 1: {window}"):
        MIND(window=window)
