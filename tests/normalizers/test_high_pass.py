import torch

from metroem_core.testing import NormalizerConformance
from metroem_normalizers.high_pass import HighPass


class TestHighPass(NormalizerConformance):
    component = HighPass()


def shaded(size=64):
    """Fine texture, and the same on a slope (1, 1, size, size)."""
    generator = torch.Generator().manual_seed(0)
    texture = 0.2 * torch.rand(1, 1, size, size, generator=generator)
    return texture + 1, texture + torch.linspace(1, 3, size)


def test_a_slope_disappears():
    flat, slope = (HighPass(sigma=2)(x, torch.ones_like(x, dtype=torch.bool)) for x in shaded())
    middle = (..., slice(12, -12), slice(12, -12))
    pair = torch.stack([flat[middle].flatten(), slope[middle].flatten()])
    assert torch.corrcoef(pair)[0, 1] > 0.99


def test_the_mean_around_is_of_data_only():
    image = torch.full((1, 1, 40, 40), 0.5)
    image[..., :20] = 0
    found = HighPass()(image, torch.ones_like(image, dtype=torch.bool))
    torch.testing.assert_close(found[..., 20:], torch.full((1, 1, 40, 20), 1 / 255))
