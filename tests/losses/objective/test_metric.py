import pytest
import torch
import torch.nn.functional as F

from metroem_core.batch import Array, Prediction, pair
from metroem_core.errors import UserError
from metroem_core.testing.objective import ObjectiveConformance
from metroem_losses.objective.levels import coarse, normalised
from metroem_losses.objective.metric import Metric
from metroem_losses.objective.recipe import Recipe, Setting
from metroem_losses.similarity.feature_cosine import FeatureCosine
from metroem_losses.similarity.mse import MSE
from metroem_losses.smoothness.jacob import Jacob
from metroem_losses.smoothness.rigidity import Rigidity


class TestMetric(ObjectiveConformance):
    component = Metric(MSE(), Rigidity(), 15.0, crop=4)


class TestMetricOfTwoLevels(ObjectiveConformance):
    component = Metric(
        FeatureCosine(), Rigidity(), crop=2, levels=(0, 1), pre_align_sample=4, sm_div=True
    )


class TestMetricOfTheFieldAlone(ObjectiveConformance):
    component = Metric(MSE(), Rigidity(), crop=0, norm_embeddings=False, train_thru=False)


SIZE = (24, 32)


def noise(seed=0, channels=3, size=SIZE):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, channels, *size, generator=generator, dtype=torch.float64)


def tissue(size=SIZE):
    return torch.full((1, 1, *size), 0.5, dtype=torch.float64)


def moved_by(dx, size=SIZE):
    return torch.tensor([dx, 0.0]).double().view(1, 2, 1, 1).expand(1, 2, *size).clone()


def answers(field, *features):
    """A model with the same field and features, source and target of each level, for any pair."""
    return lambda batch: Prediction(field, features=dict(enumerate(features)))


def raw(**parameters):
    """An objective without normalisation and crop, whose terms are easily told by hand."""
    settings = {"crop": 0, "norm_embeddings": False, "weight": 0.0, **parameters}
    return Metric(MSE(), Jacob(), **settings)


def test_alike_after_and_unlike_before_is_best():
    src = noise()
    batch, features = pair(tissue(), tissue()), (src, src.roll(-2, 3))
    wrong = raw(crop=4)(answers(moved_by(0.0), features), batch)
    right = raw(crop=4)(answers(moved_by(2.0), features), batch)
    assert right.parts["similarity"] < 1e-20
    torch.testing.assert_close(right.parts["pre_align"], wrong.parts["similarity"])
    assert right.total < -1
    torch.testing.assert_close(wrong.total, 0.3 * wrong.parts["similarity"])


def test_the_total_is_made_of_its_parts():
    field = moved_by(0.4)
    field[:, 1] += 0.1 * noise(5, 1)[:, 0]
    objective = raw(weight=15.0, pre_align_weight=0.9)
    loss = objective(answers(field, (noise(), noise(1))), pair(tissue(), tissue()))
    parts = loss.parts
    expected = parts["similarity"] + 15 * parts["smoothness"] - 0.9 * parts["pre_align"]
    torch.testing.assert_close(loss.total, expected)
    torch.testing.assert_close(parts["smoothness"], Jacob()(field).mean())


def test_before_aligning_the_weights_of_the_source_have_moved_already():
    mask = torch.ones_like(tissue())
    mask[..., 16:] = 0
    batch = pair(tissue(), tissue()).put(src_bad=Array(mask, "mask"))
    src, tgt = noise(), noise(1)
    loss = raw(similarity_masks=Recipe(src=(Setting("src_bad"),)))(
        answers(moved_by(4.0), (src, tgt)), batch
    )
    expected = (src - tgt).square()[..., :12].mean()
    torch.testing.assert_close(loss.parts["pre_align"], expected)


def test_a_sample_of_middling_tiles_replaces_the_mean_before_aligning():
    tgt = noise(1)
    tgt[..., :8, :] *= 100
    model, batch = answers(moved_by(0.0), (noise(), tgt)), pair(tissue(), tissue())
    plain, sampled = raw()(model, batch), raw(pre_align_sample=4)(model, batch)
    assert sampled.parts["pre_align"] < 3 < plain.parts["pre_align"]
    assert sampled.parts["similarity"].equal(plain.parts["similarity"])


def test_levels_count_alike_and_each_has_its_own_field():
    fine, coarse = noise(), noise(1, size=(12, 16))
    model = answers(moved_by(4.0), (fine, fine.roll(-4, 3)), (coarse, coarse.roll(-2, 3)))
    batch = pair(tissue(), tissue())
    both = raw(levels=(0, 1), crop=4)(model, batch)
    assert both.parts["similarity"] < 1e-20
    alone = [raw(levels=(level,), crop=4)(model, batch).total for level in (0, 1)]
    torch.testing.assert_close(both.total, torch.stack(alone).mean())


def test_smoothness_of_a_level_can_be_divided():
    """A slope is the same at every level, and so is its cost."""
    field = moved_by(0.0)
    field[:, 0] = 0.1 * torch.arange(32)
    level = (noise(), noise()), (noise(size=(12, 16)), noise(size=(12, 16)))
    batch = pair(tissue(), tissue())
    whole, half = (
        raw(levels=(1,), crop=2, weight=1.0, sm_div=divide)(answers(field, *level), batch)
        for divide in (False, True)
    )
    assert whole.parts["smoothness"].item() == pytest.approx(0.2**2)
    assert half.parts["smoothness"].item() == pytest.approx(0.2**2 / 2)


def test_without_training_through_only_the_field_learns():
    features, field = noise().requires_grad_(), moved_by(0.3).requires_grad_()
    for train_thru in (True, False):
        objective = raw(train_thru=train_thru)
        objective(answers(field, (features, noise(1))), pair(tissue(), tissue())).total.backward()
        assert field.grad.abs().max() > 0
        assert (features.grad is None) is not train_thru
        field.grad = features.grad = None


def test_features_are_normalised_over_usable_pixels_only():
    features, usable = 5 + 3 * noise(), torch.ones(1, 1, *SIZE, dtype=torch.bool)
    features[..., :9], usable[..., :9] = 1000, False
    found = normalised(features, usable)
    assert (found[..., :9] == 0).all()
    torch.testing.assert_close(found[..., 9:].mean(dim=(2, 3)), torch.zeros(1, 3).double())
    squares = found[..., 9:].square().mean(dim=(2, 3))
    torch.testing.assert_close(squares, torch.ones(1, 3).double())


def test_gain_and_offset_of_features_do_not_matter_when_normalised():
    batch, gains = pair(tissue(), tissue()), torch.tensor([2.0, 5, 0.1]).double().view(1, 3, 1, 1)
    objective = Metric(MSE(), Jacob(), crop=0)
    plain = objective(answers(moved_by(0.2), (noise(), noise(1))), batch)
    other = objective(answers(moved_by(0.2), (gains * noise() - 4, 3 + noise(1))), batch)
    torch.testing.assert_close(other.total, plain.total, rtol=1e-5, atol=0)


def test_going_coarser_bad_areas_grow():
    weight = torch.ones(1, 1, 8, 8)
    weight[..., 3, 3], weight[..., 6, 6] = 0, 2
    move, stay = coarse((weight, 2 * weight), 1)
    expected = torch.ones(4, 4)
    expected[1, 1] = 0
    assert move[0, 0].equal(expected)
    assert stay.equal(2 * move)


def test_pixels_without_data_do_not_count_at_any_level():
    src, tgt = tissue(), tissue()
    src[..., :7], tgt[..., 20:22, :] = 0, 0
    features = noise(), noise(1)
    levels = features, tuple(F.avg_pool2d(each, 2) for each in features)
    expected = raw(levels=(0, 1))(answers(moved_by(0.0), *levels), pair(src, tgt)).total
    for columns, rows, (s, t) in zip((7, 4), ((20, 22), (10, 11)), levels, strict=True):
        s[..., :columns], t[..., slice(*rows), :] = 1e6, -1e6
    found = raw(levels=(0, 1))(answers(moved_by(0.0), *levels), pair(src, tgt)).total
    torch.testing.assert_close(found, expected)


def test_gradient():
    src, tgt = noise(size=(6, 7)), noise(1, size=(6, 7))
    field = 0.3 + 0.05 * noise(2, 2, (6, 7))
    batch, objective = pair(tissue((6, 7)), tissue((6, 7))), Metric(MSE(), Jacob(), 2.0, crop=1)

    def total(src, tgt, field):
        return objective(answers(field, (src, tgt)), batch).total

    inputs = [each.requires_grad_() for each in (src, tgt, field)]
    assert torch.autograd.gradcheck(total, inputs, fast_mode=True)


@pytest.mark.parametrize(
    ("features", "why"),
    [
        ((), "the model answers without features"),
        (((noise(), noise()),), "the model has no features of level 1; it has level 0"),
        (((noise(), noise()),) * 2, r"features of level 1 have \(24, 32\) rows and columns"),
    ],
)
def test_features_that_do_not_fit_are_refused(features, why):
    with pytest.raises(UserError, match=why):
        raw(levels=(1,))(answers(moved_by(0.0), *features), pair(tissue(), tissue()))


@pytest.mark.parametrize(
    ("parameters", "why"),
    [
        ({"levels": ()}, "'levels'"),
        ({"levels": (-1,)}, "'levels' must be >= 0: -1"),
        ({"pre_align_sample": 0}, "'pre_align_sample' must be >= 1: 0"),
    ],
)
def test_parameters_out_of_range_are_refused(parameters, why):
    with pytest.raises(ValueError, match=why):
        Metric(MSE(), Jacob(), **parameters)
