import pytest
import torch

from metroem_core.batch import Array, Prediction, pair
from metroem_core.errors import UserError
from metroem_core.testing.objective import ObjectiveConformance
from metroem_losses.objective.binarization import Binarization
from metroem_losses.objective.plain import Plain
from metroem_losses.objective.recipe import Recipe, Setting
from metroem_losses.similarity.mse import MSE
from metroem_losses.similarity.ncc import NCC
from metroem_losses.smoothness.jacob import Jacob
from metroem_losses.smoothness.rigidity import Rigidity

TISSUE = Binarization("neq", 0)
PRESET = Recipe(
    src=(Setting("src", binarization=TISSUE, coarsen_ranges=((1, 0.0),)),),
    tgt=(Setting("tgt", binarization=TISSUE, coarsen_ranges=((1, 0.0),)),),
)


class TestPlain(ObjectiveConformance):
    component = Plain(MSE(), Rigidity(), weight=20.0, crop=4)


class TestPlainWithMasks(ObjectiveConformance):
    component = Plain(NCC(window=5), Rigidity(), 0.1, PRESET, PRESET, crop=0)


def grey(seed=0, count=1, size=(20, 24)):
    generator = torch.Generator().manual_seed(seed)
    shape = (count, 1, *size)
    return 0.1 + 0.9 * torch.rand(shape, generator=generator, dtype=torch.float64)


def answers(field):
    """A model that always answers with the same field."""
    return lambda batch: Prediction(field)


def still(picture):
    return torch.zeros_like(picture).repeat(1, 2, 1, 1)


def rough(picture):
    generator = torch.Generator().manual_seed(5)
    return 0.2 * torch.randn(len(picture), 2, *picture.shape[-2:], generator=generator).double()


def test_pictures_that_are_alike_cost_nothing():
    src = grey()
    loss = Plain(MSE(), Rigidity(), crop=2)(answers(still(src)), pair(src, src))
    assert loss.total < 1e-20


def test_it_is_the_mean_difference_and_the_mean_roughness_inside_the_crop():
    src, tgt, field = grey(), grey(1), rough(grey())
    inside = (..., slice(3, -3), slice(3, -3))
    similarity = (src - tgt).square()[inside].mean()
    loss = Plain(MSE(), Jacob(), weight=0, crop=3)(answers(still(src)), pair(src, tgt))
    torch.testing.assert_close(loss.total, similarity)

    smoothness = Jacob()(field)[inside].mean()
    loss = Plain(MSE(), Jacob(), weight=7.0, crop=3)(answers(field), pair(src, tgt))
    torch.testing.assert_close(loss.parts["smoothness"], smoothness)
    torch.testing.assert_close(loss.total, loss.parts["similarity"] + 7 * smoothness)


def test_the_source_is_warped():
    src = grey()
    field = still(src)
    field[:, 0] = 2
    loss = Plain(MSE(), Jacob(), crop=4)(answers(field), pair(src, src.roll(-2, 3)))
    assert loss.total < 1e-20


def test_pixels_without_data_do_not_count():
    src, tgt = grey(), grey(1)
    expected = Plain(MSE(), Jacob(), crop=0)(answers(still(src)), pair(src, tgt)).maps["similarity"]
    src[..., :10], tgt[..., :7, :] = 0, 0
    found = Plain(MSE(), Jacob(), crop=0)(answers(still(src)), pair(src, tgt)).total
    torch.testing.assert_close(found, expected[..., 7:, 10:].mean())


def test_masks_lower_the_weights_of_both_terms():
    src, tgt, field = grey(), grey(1), rough(grey())
    mask = torch.ones_like(src)
    mask[..., :8] = 0
    batch = pair(src, tgt).put(folds=Array(mask, "mask"))
    masks = Recipe(tgt=(Setting("folds", mask_value=0.25),))
    loss = Plain(MSE(), Jacob(), 1.0, masks, masks, crop=0)(answers(field), batch)
    weight = torch.where(mask == 1, mask, 0.25)
    torch.testing.assert_close(loss.maps["smoothness_weight"], weight)
    expected = (weight * Jacob()(field)).sum() / weight.sum()
    torch.testing.assert_close(loss.parts["smoothness"], expected)


def test_weights_of_the_source_move_with_it():
    src, field = grey(), still(grey())
    field[:, 0] = 3
    mask = torch.ones_like(src)
    mask[..., 10] = 0
    batch = pair(src, src).put(src_crack=Array(mask, "mask"))
    masks = Recipe(src=(Setting("src_crack"),))
    loss = Plain(MSE(), Jacob(), 1.0, masks, masks, crop=0)(answers(field), batch)
    assert loss.maps["smoothness_weight"][0, 0, 0].argmin() == 7


def test_what_has_no_weight_does_not_reach_into_windows():
    src, tgt, mask = grey(), grey(), torch.ones_like(grey())
    mask[..., :12] = 0
    tgt[..., :12] = grey(1)[..., :12]
    batch = pair(src, tgt).put(tgt_bad=Array(mask, "mask"))
    masks = Recipe(tgt=(Setting("tgt_bad"),))
    objective = Plain(NCC(window=5, noise=1e-6), Jacob(), similarity_masks=masks, crop=0)
    assert objective(answers(still(src)), batch).total < 1e-6


def test_the_model_sees_the_inputs_and_the_loss_the_originals():
    src, tgt, damaged = grey(), grey(1), 0.5 * grey(2)
    seen = {}

    def model(batch):
        seen.update({name: array.tensor for name, array in batch.items()})
        return Prediction(still(src))

    batch = pair(src, tgt).put(src_input=Array(damaged))
    loss = Plain(MSE(), Jacob(), crop=0)(model, batch)
    assert seen["src"].equal(damaged)
    assert seen["tgt"].equal(tgt)
    torch.testing.assert_close(loss.total, (src - tgt).square().mean())


def test_a_sample_without_any_weight_counts_as_nothing():
    src, tgt = grey(count=2), grey(1, count=2)
    tgt[1] = 0
    loss = Plain(MSE(), Jacob(), crop=0)(answers(still(src)), pair(src, tgt))
    torch.testing.assert_close(loss.total, (src - tgt)[0].square().mean() / 2)


def test_the_length_of_vectors_is_told():
    field = still(grey())
    field[:, 0], field[:, 1] = 3, 4
    loss = Plain(MSE(), Jacob(), crop=0)(answers(field), pair(grey(), grey()))
    assert loss.parts["magnitude"] == 5


def test_a_model_that_has_gone_astray_is_seen_in_the_total():
    field = still(grey())
    field[:, 0, 3, 4] = float("nan")
    assert Plain(MSE(), Jacob(), crop=0)(answers(field), pair(grey(), grey())).total.isnan()


def test_gradient():
    src, tgt = grey(size=(6, 7)), grey(1, size=(6, 7))
    field = (0.3 + 0.4 * rough(src)).requires_grad_()
    objective = Plain(MSE(), Jacob(), 0.3, crop=1)
    batch = pair(src, tgt)
    assert torch.autograd.gradcheck(lambda f: objective(answers(f), batch).total, field)


def test_a_crop_that_leaves_nothing_is_refused():
    with pytest.raises(UserError, match="a crop of 32 pixels on every side leaves nothing of 20 x"):
        Plain(MSE(), Jacob())(answers(still(grey())), pair(grey(), grey()))


def test_pictures_of_unlike_sizes_are_refused():
    batch = pair(grey(), grey(size=(20, 20)))
    with pytest.raises(UserError, match=r"src is \(1, 1, 20, 24\), but tgt is \(1, 1, 20, 20\)"):
        Plain(MSE(), Jacob())(answers(still(grey())), batch)


def test_a_batch_without_a_target_is_refused():
    batch = type(pair(grey(), grey()))({"src": Array(grey())})
    with pytest.raises(UserError, match="needs 'tgt'; there is src"):
        Plain(MSE(), Jacob())(answers(still(grey())), batch)
