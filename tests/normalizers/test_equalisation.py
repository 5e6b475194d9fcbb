import pytest
import torch

from metroem_core.testing import NormalizerConformance
from metroem_normalizers.clahe import CLAHE, equalised, limited
from metroem_normalizers.levels import levels
from metroem_normalizers.local_equalisation import LocalEqualisation, ranked


class TestLocalEqualisation(NormalizerConformance):
    component = LocalEqualisation(radius=7)


class TestCLAHE(NormalizerConformance):
    component = CLAHE(tile=16)


def grey(size=(23, 31), seed=0):
    """Levels (H, W), a quarter of them no data."""
    generator = torch.Generator().manual_seed(seed)
    found = torch.randint(1, 256, size, generator=generator, dtype=torch.uint8)
    return torch.where(torch.rand(size, generator=generator) < 0.25, 0, found)


def rank_by_hand(picture, y, x, radius):
    """The share of the disk around a pixel that is not brighter."""
    rows, columns = torch.meshgrid(*map(torch.arange, picture.shape), indexing="ij")
    disk = picture[(rows - y) ** 2 + (columns - x) ** 2 <= radius**2]
    disk = disk[disk > 0]
    return ((disk <= picture[y, x]).sum() / len(disk)).item()


@pytest.mark.parametrize("radius", [1, 4, 9, 40])
def test_a_pixel_becomes_its_rank_in_the_disk_around_it(radius):
    picture = grey()
    found = ranked(picture, radius)
    for y, x in [(0, 0), (0, 30), (22, 0), (22, 30), (11, 15), (3, 28), (20, 2)]:
        if picture[y, x]:
            expected = rank_by_hand(picture, y, x, radius)
            assert found[y, x].item() == pytest.approx(expected), (y, x)


def test_contrast_becomes_the_same_everywhere():
    generator = torch.Generator().manual_seed(0)
    image = 0.5 + 0.2 * (torch.rand(1, 1, 80, 160, generator=generator) - 0.5)
    image[..., 80:] = 0.5 + 0.1 * (image[..., 80:] - 0.5)
    valid = torch.ones_like(image, dtype=torch.bool)
    for normalizer in (LocalEqualisation(radius=8), CLAHE(tile=20, limit=100)):
        found = normalizer(image, valid)
        left, right = (found[..., part].std() for part in (slice(60), slice(100, None)))
        assert 0.8 < left / right < 1.25


def test_where_all_levels_are_equally_frequent_nothing_changes():
    picture = torch.arange(1, 256, dtype=torch.uint8).repeat(10, 1)
    found = equalised(picture, 255, limit=3)
    torch.testing.assert_close(found, picture / 255, rtol=0, atol=1e-5)


def test_a_lower_limit_enhances_less():
    image = 0.5 + 0.05 * torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    image[..., 0, 0], image[..., 1, 1] = 0.01, 1
    valid = torch.ones_like(image, dtype=torch.bool)
    spreads = [CLAHE(tile=32, limit=limit)(image, valid).std() for limit in (1, 2, 100)]
    assert spreads == sorted(spreads)


def test_peaks_are_shared_out():
    counts = torch.zeros(255)
    counts[7] = 510
    found = limited(counts, limit=2)
    torch.testing.assert_close(found.sum().item(), 1.0)
    torch.testing.assert_close(found[7] - found[8], torch.tensor(4 / 510))


def test_levels_keep_0_for_no_data():
    image = torch.tensor([0.0, 0.3, 0.4, 0.5]).view(1, 1, 1, 4)
    found = levels(image, torch.ones_like(image, dtype=torch.bool))
    assert found.flatten().tolist() == [0, 1, 128, 255]
