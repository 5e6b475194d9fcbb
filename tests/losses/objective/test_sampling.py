import numpy as np
import pytest
import torch

from metroem_losses.objective.sampling import middling_tiles


def unlike(tiles=6, size=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    side = tiles * size
    return torch.rand(1, 1, side, side, generator=generator, dtype=torch.float64)


def tile_by_tile(values, weight, size):
    """The rule as it is written."""
    means = []
    for y in range(0, values.shape[0] - size + 1, size):
        for x in range(0, values.shape[1] - size + 1, size):
            v, w = values[y : y + size, x : x + size], weight[y : y + size, x : x + size]
            if w.mean() >= 0.5 and (w * v).sum() > 0:
                means.append((w * v).mean() / (w.mean() + 1e-8))
    if len(means) < 10:
        return 0.0
    means = np.array(means)
    low, middle = np.percentile(means, 15), np.median(means)
    return means[(means > low) & (means < middle)].mean()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_is_the_mean_of_tiles_that_differ_neither_least_nor_most(seed):
    values = unlike(seed=seed)
    weight = (unlike(seed=seed + 10) > 0.4).double()
    values[..., :4, :9] = 0
    weight[..., 8:16, 8:16] = 0
    expected = tile_by_tile(values[0, 0].numpy(), weight[0, 0].numpy(), 4)
    assert middling_tiles(values, weight, 4).item() == pytest.approx(expected)


def test_fewer_than_ten_tiles_say_nothing():
    values, weight = unlike(tiles=4), torch.zeros(1, 1, 16, 16, dtype=torch.float64)
    weight[..., :12, :12] = 1
    assert middling_tiles(values, weight, 4) == 0
    weight[..., 12:, :4] = 1
    assert middling_tiles(values, weight, 4) > 0


def test_tiles_that_are_all_alike_have_no_middle():
    assert middling_tiles(torch.ones(1, 1, 24, 24), torch.ones(1, 1, 24, 24), 4) == 0


def test_every_sample_has_its_own_percentiles():
    values = torch.cat([unlike(), 100 * unlike(seed=1)])
    together = middling_tiles(values, torch.ones_like(values), 4)
    alone = torch.cat([middling_tiles(v[None], torch.ones_like(v[None]), 4) for v in values])
    torch.testing.assert_close(together, alone)


def test_gradient():
    values = unlike().requires_grad_()
    weight = torch.ones_like(values)
    assert torch.autograd.gradcheck(lambda v: middling_tiles(v, weight, 4), values, fast_mode=True)
