import torch
from metroem_curl.curl import Curl

from metroem_core.testing import DistributionConformance, SmoothnessConformance


def test_curl_is_found(registry):
    assert registry.get("smoothness", "metroem-curl:curl") is Curl


class TestDistribution(DistributionConformance):
    distribution = "metroem-curl"


class TestCurl(SmoothnessConformance):
    component = Curl()


def affine(matrix, size=6):
    """The field (1, 2, H, W) that displaces every pixel p by matrix @ p."""
    y, x = torch.meshgrid(*[torch.arange(size, dtype=torch.float64)] * 2, indexing="ij")
    p = torch.stack([x, y])
    return torch.einsum("ij,jhw->ihw", torch.tensor(matrix, dtype=p.dtype), p)[None]


def test_stretching_is_free():
    assert Curl()(affine([[0.3, 0.2], [0.2, -0.1]])).max() < 1e-12


def test_turning_by_a_tenth_costs_four_hundredths():
    roughness = Curl(power=2)(affine([[0, -0.1], [0.1, 0]]))
    torch.testing.assert_close(roughness, torch.full_like(roughness, 0.04))
