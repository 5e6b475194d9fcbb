import torch

from metroem_core.testing import SmoothnessConformance
from metroem_losses.smoothness.lap import Lap


class TestLap(SmoothnessConformance):
    component = Lap()


def positions(height=6, width=7):
    return torch.meshgrid(
        *[torch.arange(n, dtype=torch.float64) for n in (height, width)], indexing="ij"
    )


def field_of(dx, dy):
    return torch.stack([dx, dy])[None]


def test_affine_fields_are_free():
    y, x = positions()
    assert Lap()(field_of(0.3 * x - 0.2 * y + 5, 0.1 * y + 0.7 * x)).max() < 1e-24


def test_a_parabola_by_hand():
    _, x = positions()
    roughness = Lap()(field_of(0.1 * x**2, 0 * x))
    expected = torch.full((6, 7), (0.2 / 4) ** 2, dtype=torch.float64)
    expected[:, [0, -1]] = 0
    torch.testing.assert_close(roughness[0, 0], expected)


def test_at_an_edge_the_other_axis_still_counts():
    _, x = positions()
    roughness = Lap()(field_of(0 * x, 0.1 * x**2))
    torch.testing.assert_close(roughness[0, 0, 0, 3].item(), 0.0025)


def test_one_pixel_out_of_line():
    field = torch.zeros(1, 2, 5, 5, dtype=torch.float64)
    field[0, 0, 2, 2] = 1
    expected = torch.zeros(5, 5, dtype=torch.float64)
    expected[2, 2], expected[[1, 2, 2, 3], [2, 1, 3, 2]] = 1, 1 / 16
    torch.testing.assert_close(Lap()(field)[0, 0], expected)
