import pytest
import torch
import torch.nn.functional as F

from metroem_core.batch import Array, Prediction, pair
from metroem_core.testing.objective import ObjectiveConformance
from metroem_losses.objective.seamless import Seamless
from metroem_losses.objective.way import first_reasons
from metroem_losses.similarity.mse import MSE
from metroem_losses.similarity.ncc import NCC
from metroem_losses.smoothness.jacob import Jacob
from metroem_losses.smoothness.rigidity import Rigidity

SKIPPED = [
    "skipped_blank_sections",
    "skipped_empty_border_mask",
    "skipped_zero_similarity_weights",
    "skipped_zero_smoothness_weights",
]


class TestSeamless(ObjectiveConformance):
    component = Seamless(MSE(), Jacob(), lambda6=2.0, mask_smooth_radius=3)


class TestSeamlessInPixels(ObjectiveConformance):
    component = Seamless(
        NCC(window=5),
        Rigidity(),
        mask_smooth_radius=2,
        units="pixels",
        smoothness_reduction="mean",
        detach_weights=True,
    )


SIZE = (40, 60)


def texture(seed=0, size=SIZE):
    """Blobs of grey values of about 0.1 to 0.9, (1, 1, H, W)."""
    generator = torch.Generator().manual_seed(seed)
    grey = torch.rand(1, 1, *size, generator=generator, dtype=torch.float64)
    return (0.5 + 2 * (F.avg_pool2d(grey, 3, 1, 1, count_include_pad=False) - 0.5)).clamp(0.05, 1)


def constant(dx, size=SIZE):
    return torch.tensor([dx, 0.0]).double().view(1, 2, 1, 1).expand(1, 2, *size)


def model_of(field):
    """A model that finds a field for a pair, and for the turned pair the same turned."""
    turned = []

    def model(batch):
        found = -field.flip(-1, -2) if turned else field
        turned.append(True)
        return Prediction(found)

    return model


def unlike_orientations(forward, backward):
    answers = iter([forward, backward])
    return lambda batch: Prediction(next(answers))


def columns(start, stop, label, size=SIZE):
    labels = torch.zeros(1, 1, *size, dtype=torch.uint8)
    labels[..., start:stop] = label
    return Array(labels, "labels")


def seamless(**parameters):
    return Seamless(MSE(), Jacob(), **{"mask_smooth_radius": 0, **parameters})


def test_the_right_field_costs_nothing_in_both_orientations():
    src = texture()
    loss = seamless(lambda6=1.0)(model_of(constant(3.0)), pair(src, src.roll(-3, 3)))
    assert loss.total < 1e-20
    assert all(loss.parts[name] == 0 for name in SKIPPED)


def test_the_turned_pair_is_what_the_model_sees_second():
    seen = []

    def model(batch):
        seen.append(batch)
        return Prediction(constant(0.0))

    start = Array(constant(2.0) + texture(5), "field")
    batch = pair(texture(), texture(1)).put(src_mask=columns(3, 9, 2), src_field=start)
    seamless()(model, batch)
    for name in ("src", "tgt", "src_mask"):
        assert seen[1][name].tensor.equal(seen[0][name].tensor.flip(-1, -2))
    assert seen[1]["src_field"].tensor.equal(-start.tensor.flip(-1, -2))


def test_similarity_is_the_mean_over_tissue_of_both_orientations():
    src, tgt = texture(), texture(1)
    loss = seamless(lambda1=0.0)(model_of(constant(0.0)), pair(src, tgt))
    torch.testing.assert_close(loss.total, (src - tgt).square().mean())


def test_smoothness_is_a_sum_in_halves_of_the_picture():
    """A ramp of 0.1 pixels per pixel differs by 0.2 pixels, or 0.4 / 59 halves of 60 pixels."""
    field = constant(0.0).clone()
    field[:, 0] = 0.1 * torch.arange(60)
    loss = seamless(lambda1=0.7)(model_of(field), pair(texture(), texture()))
    weight = loss.maps["forward_smoothness_weight"][..., 1:-1]
    expected = (0.4 / 59) ** 2 * weight.sum()
    torch.testing.assert_close(loss.maps["forward_smoothness"][0, 0, 5, 5].item(), (0.4 / 59) ** 2)
    torch.testing.assert_close(loss.parts["smoothness"], expected, rtol=0.02, atol=0)


def test_smoothness_may_be_a_mean_in_pixels():
    field = constant(0.0).clone()
    field[:, 0] = 0.1 * torch.arange(60)
    objective = seamless(units="pixels", smoothness_reduction="mean")
    loss = objective(model_of(field), pair(texture(), texture()))
    weight = loss.maps["forward_smoothness_weight"][..., 1:-1]
    expected = 0.2**2 * weight.sum() / (40 * 60)
    torch.testing.assert_close(loss.parts["smoothness"], expected, rtol=0.02, atol=0)


def test_the_total_is_made_of_its_parts():
    field = constant(0.3).clone() + 0.2 * texture(4)
    model = unlike_orientations(field, 0.5 * field)
    loss = seamless(lambda1=0.2, lambda6=3.0)(model, pair(texture(), texture(1)))
    parts = loss.parts
    expected = parts["similarity"] + 0.2 * parts["smoothness"] + 3 * parts["consensus"]
    torch.testing.assert_close(loss.total, expected)
    torch.testing.assert_close(parts["magnitude"], 0.75 * field.norm(dim=1).mean())


def test_orientations_that_disagree_pay_for_it():
    """One finds 2 pixels, the other none: all pixels but those that come from outside differ."""
    model = unlike_orientations(constant(2.0), constant(0.0))
    loss = seamless(units="pixels", lambda6=1.0)(model, pair(texture(), texture()))
    torch.testing.assert_close(loss.parts["consensus"].item(), 4 * 58 / 60)


def test_labels_of_the_source_move_with_it_and_those_of_the_target_stay():
    src = texture()
    batch = pair(src, src).put(src_mask=columns(20, 30, 1), tgt_mask=columns(45, 50, 2))
    loss = seamless(lambda4=10.0)(model_of(constant(4.0)), batch)
    row = loss.maps["forward_similarity_weight"][0, 0, 20].tolist()
    assert row == [1] * 16 + [10] * 10 + [1] * 16 + [0] * 18


def test_in_a_defect_of_the_source_the_field_may_be_rough():
    src, field = texture(), constant(0.0).clone()
    field[..., 30:] += 5
    batch = pair(src, src)
    free = batch.put(src_mask=columns(26, 38, 2))
    plain, torn = (seamless()(model_of(field), each).parts["smoothness"] for each in (batch, free))
    assert torn < 0.01 * plain


def test_what_was_missing_from_the_inputs_does_not_count():
    src, tgt = texture(), texture()
    tgt[..., 40:] = texture(1)[..., 40:]
    batch = pair(src, tgt).put(
        tgt_missing=Array(columns(40, 60, 1).tensor.bool(), "mask"),
        src_missing=Array(columns(0, 9, 1).tensor.bool(), "mask"),
    )
    loss = seamless()(model_of(constant(0.0)), batch)
    assert loss.parts["similarity"] < 1e-20
    assert (
        loss.maps["forward_similarity_weight"][0, 0, 20].tolist() == [0] * 9 + [1] * 31 + [0] * 20
    )


def test_weights_of_smoothness_pull_at_the_field_unless_told_not_to():
    field = constant(0.3).clone()
    field[:, 0] += 0.1 * torch.arange(60)
    batch = pair(texture(), texture()).put(src_mask=columns(20, 30, 1))
    pulls = []
    for detach in (False, True):
        found = field.clone().requires_grad_()
        objective = Seamless(NCC(window=None), Flat(), detach_weights=detach, lambda1=1.0)
        objective(model_of(found), batch).total.backward()
        pulls.append(found.grad[:, 0, 20, 10:40].abs().sum())
    assert pulls[0] > 2 * pulls[1]


class Flat:
    """A roughness of 1 that no field can change."""

    def __call__(self, field):
        return torch.ones_like(field[:, :1])


# What cannot be learnt from


def blank():
    return 0 * texture() + 0.4, texture(), {}


def islands():
    src = texture()
    src[..., :30], src[..., 36:] = 0, 0
    return src, texture(), {}


def all_defects():
    return texture(), texture(1), {"tgt_mask": columns(0, 60, 2)}


def apart():
    """Source and target have tissue in unlike places, which the field brings together."""
    src, tgt = texture(), texture()
    src[..., :30], tgt[..., 30:] = 0, 0
    return src, tgt, {}


@pytest.mark.parametrize(
    ("case", "dx", "reason"),
    [
        (blank, 0.0, "blank_sections"),
        (islands, 0.0, "empty_border_mask"),
        (all_defects, 0.0, "zero_similarity_weights"),
        (apart, 30.0, "zero_smoothness_weights"),
    ],
)
def test_pairs_without_anything_to_learn_from_are_skipped_and_told(case, dx, reason):
    src, tgt, labels = case()
    field = (constant(dx) + 0.1 * texture(7)).requires_grad_()
    loss = seamless(lambda6=1.0)(model_of(field), pair(src, tgt).put(**labels))
    assert loss.total == 0
    assert {name for name in SKIPPED if loss.parts[name] > 0} == {f"skipped_{reason}"}
    assert loss.parts[f"skipped_{reason}"] == 1
    loss.total.backward()
    assert field.grad.abs().max() == 0


def test_a_skipped_sample_leaves_the_others_alone():
    src, tgt = texture(), texture(1)
    field = constant(0.2) + 0.1 * texture(7)
    alone = seamless(lambda6=1.0)(unlike_orientations(field, field), pair(src, tgt))
    batch = pair(torch.cat([src, 0 * src]), torch.cat([tgt, tgt]))
    both = unlike_orientations(*[torch.cat([field, field])] * 2)
    together = seamless(lambda6=1.0)(both, batch)
    torch.testing.assert_close(together.total, alone.total / 2)
    assert together.parts["skipped_blank_sections"] == 0.5


def test_a_sample_is_skipped_for_the_first_of_its_reasons():
    found = first_reasons(
        {
            "one": torch.tensor([True, False, False]),
            "two": torch.tensor([True, True, False]),
            "three": torch.tensor([True, True, False]),
        }
    )
    assert {name: hit.tolist() for name, hit in found.items()} == {
        "one": [True, False, False],
        "two": [False, True, False],
        "three": [False, False, False],
    }


def test_gradient():
    """With fractions of a pixel, as bilinear sampling has kinks at whole ones."""
    size = (14, 16)
    field = (0.3 + 0.2 * torch.cat([texture(7, size), texture(8, size)], dim=1)).requires_grad_()
    batch = pair(texture(0, size), texture(1, size)).put(src_mask=columns(6, 8, 1, size))
    objective = seamless(lambda6=1.0, blank_var_threshold=0.0)

    def total(field):
        return objective(unlike_orientations(field, 0.4 - field), batch).total

    assert torch.autograd.gradcheck(total, field, fast_mode=True)


@pytest.mark.parametrize("number", range(1, 7))
def test_negative_factors_are_refused(number):
    with pytest.raises(ValueError, match=f"'lambda{number}' must be >= 0: -1"):
        seamless(**{f"lambda{number}": -1})
