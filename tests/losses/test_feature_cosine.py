import pytest
import torch

from metroem_core.testing import SimilarityConformance
from metroem_losses.similarity.feature_cosine import FeatureCosine


class TestFeatureCosine(SimilarityConformance):
    component = FeatureCosine()


def features(seed=0, channels=5, size=(9, 11)):
    """Independent features (1, C, H, W) with the mean 0."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(1, channels, *size, generator=generator, dtype=torch.float64)
    return values - values.mean(dim=(2, 3), keepdim=True)


def everywhere(image):
    return torch.ones_like(image[:, :1], dtype=torch.bool)


def test_it_is_one_minus_the_cosine():
    warped, target = features(), features(seed=1)
    expected = 1 - torch.cosine_similarity(warped, target, dim=1)
    found = FeatureCosine(noise=1e-9)(warped, target, everywhere(warped))
    torch.testing.assert_close(found[:, 0], expected)


@pytest.mark.parametrize(("factor", "unlike"), [(1, 0), (100, 0), (-0.3, 2)])
def test_directions_count_and_not_lengths(factor, unlike):
    target = features()
    found = FeatureCosine(noise=1e-9)(factor * target, target, everywhere(target))
    torch.testing.assert_close(found, torch.full_like(found, unlike))


def test_what_all_pixels_have_in_common_does_not_count():
    warped, target = features(), features(seed=1)
    offset = torch.arange(5.0).view(1, 5, 1, 1)
    expected = FeatureCosine()(warped, target, everywhere(warped))
    found = FeatureCosine()(warped + offset, target - offset, everywhere(warped))
    torch.testing.assert_close(found, expected)


def test_vectors_without_a_length_are_unrelated():
    target = features()
    nothing = torch.zeros_like(target, requires_grad=True)
    unlike = FeatureCosine()(nothing, target, everywhere(target))
    torch.testing.assert_close(unlike, torch.ones_like(unlike))
    unlike.sum().backward()
    assert nothing.grad.isfinite().all()


def test_gradient():
    warped, target = features(size=(4, 5)).requires_grad_(), features(seed=1, size=(4, 5))
    valid = torch.rand(1, 1, 4, 5, generator=torch.Generator().manual_seed(2)) > 0.2
    cosine = FeatureCosine()
    assert torch.autograd.gradcheck(lambda w: cosine(w, target, valid), warped)


def test_noise_must_be_more_than_nothing():
    with pytest.raises(ValueError, match="'noise' must be > 0: 0"):
        FeatureCosine(noise=0)
