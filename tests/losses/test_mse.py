import torch

from metroem_core.testing import SimilarityConformance
from metroem_losses.similarity.mse import MSE


class TestMSE(SimilarityConformance):
    component = MSE()


def test_by_hand_over_two_channels():
    warped = torch.tensor([0.5, 0.9]).view(1, 2, 1, 1)
    target = torch.tensor([0.2, 0.8]).view(1, 2, 1, 1)
    unlike = MSE()(warped, target, torch.ones(1, 1, 1, 1, dtype=torch.bool))
    torch.testing.assert_close(unlike.item(), (0.3**2 + 0.1**2) / 2)


def test_equal_pictures_cost_nothing():
    picture = torch.rand(1, 1, 5, 6)
    assert MSE()(picture, picture, picture > 0).max() == 0
