import math
import os
from pathlib import Path

import attrs
import pytest
import torch
import torch.nn.functional as F

from metroem_aligners.descent.energy import energy_of
from metroem_aligners.descent.scene import Scene
from metroem_aligners.descent.settings import Settings
from metroem_aligners.optimise import Optimise
from metroem_core.batch import Array, Prediction, pair
from metroem_core.errors import UserError
from metroem_core.field import random_smooth, sample
from metroem_core.geometry import Box
from metroem_core.kinds import Aligner
from metroem_core.mask import has_data
from metroem_core.spec import SpecError, build, dump
from metroem_core.testing import AlignerConformance
from metroem_losses.objective.metric import Metric
from metroem_losses.objective.plain import Plain
from metroem_losses.similarity.mse import MSE
from metroem_losses.similarity.ncc import NCC
from metroem_losses.smoothness.rigidity import Rigidity
from metroem_registry import installed
from metroem_volumes.hdf5 import HDF5

DATA = os.environ.get("METROEM_TEST_DATA")
METHODS = ("gauss_newton", "lbfgs", "adam")
QUICK = Optimise("lbfgs", iterations=10, levels=3)
SLOWLY = Optimise("adam", weight=3, iterations=50, lr=0.2)

each_method = pytest.mark.parametrize("aligner", [Optimise(), QUICK, SLOWLY], ids=METHODS)


class TestOptimise(AlignerConformance):
    component = Optimise()


class TestOptimiseThatTears(AlignerConformance):
    component = Optimise(tear=4)


class TestOptimiseByLBFGS(AlignerConformance):
    component = Optimise("lbfgs", similarity=NCC(), iterations=10, levels=2)


class TestOptimiseByAdam(AlignerConformance):
    component = Optimise("adam", iterations=5)


class TestOptimiseByAnObjective(AlignerConformance):
    component = Optimise(
        "lbfgs", objective=Plain(MSE(), Rigidity(), crop=4), iterations=5, levels=2
    )


@attrs.frozen
class Sharpened:
    """Makes features of a pair: the slopes of its pictures.

    :param level: of the features.
    """

    level: int = 0

    def build(self):
        def features(picture):
            coarse = F.avg_pool2d(picture, 1 << self.level)
            return torch.cat(torch.gradient(coarse, dim=(2, 3)), dim=1)

        def align(batch, report=None):
            src, tgt = batch["src"].tensor, batch["tgt"].tensor
            pair = {self.level: (features(src), features(tgt))}
            return Prediction(torch.zeros_like(src).repeat(1, 2, 1, 1), None, pair)

        return align


class TestOptimiseOnFeatures(AlignerConformance):
    component = Optimise(features=Sharpened())


class TestOptimiseOnCoarseFeatures(AlignerConformance):
    component = Optimise("lbfgs", features=Sharpened(1), iterations=10, levels=2)
    shape = (67, 81)


def texture(size, seed=0, shortest=7):
    """Grey values without details shorter than some pixels, (1, 1, H, W)."""
    generator = torch.Generator().manual_seed(seed)
    spectrum = torch.fft.fft2(torch.randn(size, generator=generator, dtype=torch.float64))
    y, x = torch.fft.fftfreq(size[0])[:, None], torch.fft.fftfreq(size[1])
    smooth = torch.fft.ifft2(spectrum * (torch.hypot(x, y) < 1 / shortest)).real
    return (0.5 + 0.15 * smooth / smooth.std()).clamp(0.02, 1).float()[None, None]


def deformation(size, largest, seed=0):
    """A smooth random field (1, 2, H, W) whose longest vector has this many pixels."""
    generator = torch.Generator().manual_seed(seed)
    return random_smooth(size, largest, max(size) / 5, generator)


def deformed(picture, field, noise=0.0, seed=0):
    """The target that a source picture and a true field belong to."""
    generator = torch.Generator().manual_seed(seed)
    grain = noise * torch.randn(picture.shape, generator=generator)
    return (sample(picture, field, "border") + grain).clamp(0.02, 1)


def errors(found, truth, margin=12):
    distance = (found - truth).norm(dim=1)
    return distance[..., margin:-margin, margin:-margin]


@each_method
def test_it_recovers_a_deformation_of_three_pixels(aligner):
    src, truth = texture((128, 160)), deformation((128, 160), 3)
    prediction = aligner.build()(pair(src, deformed(src, truth)))
    assert errors(0 * truth, truth).median() > 1
    assert errors(prediction.field, truth).median() < 0.25
    assert prediction.confidence.median() > 0.9


@pytest.mark.parametrize(("method", "magnitude"), [("adam", 1e-4), ("lbfgs", 0.0)])
def test_adam_pays_for_the_length_of_vectors(method, magnitude):
    """Two pictures that are the same grey everywhere: nothing else tells fields apart."""
    grey = torch.full((1, 1, 32, 32), 0.5)
    scene = Scene(pair(grey, grey), torch.zeros(1, 2, 32, 32), {})
    energy = energy_of(scene, Settings.of(Optimise(method)))
    near, far = (energy(torch.full((1, 2, 32, 32), each)) for each in (0.1, 0.6))
    assert (far - near).item() == pytest.approx(magnitude * (0.36 - 0.01), abs=1e-7)


@each_method
def test_pictures_of_half_precision_are_aligned_as_well(aligner):
    src, truth = texture((128, 160)), deformation((128, 160), 3)
    tgt = deformed(src, truth)
    whole, half = (
        aligner.build()(pair(*each)).field for each in ((src, tgt), (src.half(), tgt.half()))
    )
    assert errors(half, whole).median() < 0.01


def test_gauss_newton_is_exact_to_a_few_hundredths_of_a_pixel():
    src, truth = texture((256, 256)), deformation((256, 256), 8)
    found = Optimise().build()(pair(src, deformed(src, truth))).field
    assert errors(found, truth).median() < 0.05
    assert errors(found, truth).quantile(0.95) < 0.15


def test_a_stiffer_field_bends_less():
    size = (96, 96)
    src, truth = texture(size), deformation(size, 3)
    tgt = deformed(src, truth, noise=0.2)
    soft, stiff = (Optimise(stiffness=s).build()(pair(src, tgt)).field for s in (10, 10000))
    assert Rigidity()(stiff).mean() < 0.5 * Rigidity()(soft).mean()


@each_method
def test_every_sample_is_aligned_as_if_alone(aligner):
    size = (48, 64)
    src = torch.cat([texture(size, 1), texture(size, 2)])
    tgt = deformed(src, deformation(size, 3))
    together, alone = (aligner.build()(each) for each in (pair(src, tgt), pair(src[1:], tgt[1:])))
    torch.testing.assert_close(together.field[1:], alone.field, atol=1e-4, rtol=0)
    torch.testing.assert_close(together.confidence[1:], alone.confidence, atol=1e-4, rtol=0)


@each_method
def test_it_goes_on_from_the_field_it_is_given(aligner):
    size, far = (64, 128), torch.tensor([30.0, 0]).view(1, 2, 1, 1)
    src, truth = texture(size), deformation(size, 2) + far
    batch = pair(src, deformed(src, truth)).put(src_field=Array(far.expand(1, 2, *size), "field"))
    found = aligner.build()(batch).field
    assert errors(found, truth)[..., :72].median() < 0.3


@each_method
def test_invalid_vectors_of_the_start_are_no_trouble(aligner):
    src, start = texture((48, 48)), torch.zeros(1, 2, 48, 48)
    start[0, 0, :20] = math.nan
    found = aligner.build()(pair(src, src).put(src_field=Array(start, "field"))).field
    assert found.abs().max() < 0.1


@pytest.mark.parametrize("method", ["gauss_newton", "lbfgs"])
def test_tissue_around_a_hole_is_aligned_and_the_hole_follows(method):
    size = (96, 96)
    src, truth = texture(size), torch.ones(1, 2, *size)
    tgt = deformed(src, 2 * truth)
    src[..., 30:50, 30:50], tgt[..., 40:60, 20:40] = 0, 0
    found = Optimise(method).build()(pair(src, tgt)).field
    assert errors(found, 2 * truth).quantile(0.95) < 0.3


@each_method
def test_what_a_mask_leaves_out_has_no_influence(aligner):
    size = (64, 64)
    src, keep = texture(size), torch.ones(1, 1, *size, dtype=torch.bool)
    tgt = deformed(src, deformation(size, 2))
    keep[..., 20:40, 20:40] = False
    masks = {"src_mask": Array(keep, "mask"), "tgt_mask": Array(keep, "mask")}
    spoilt = torch.where(keep, tgt, 0.9)
    clean, found = (aligner.build()(pair(src, t).put(**masks)).field for t in (tgt, spoilt))
    assert found.equal(clean)


@each_method
@pytest.mark.parametrize("side", ["src", "tgt"])
def test_a_picture_that_is_wholly_masked_moves_nothing_and_is_not_trusted(aligner, side):
    src, nothing = texture((48, 48)), torch.zeros(1, 1, 48, 48)
    batch = pair(src, src.roll(1, -1)).put(**{f"{side}_mask": Array(nothing, "mask")})
    prediction = aligner.build()(batch)
    assert (prediction.field == 0).all()
    assert (prediction.confidence == 0).all()


def test_across_a_defect_the_field_may_jump():
    size = (64, 64)
    src, crack = texture(size), torch.zeros(1, 1, *size, dtype=torch.bool)
    truth = torch.zeros(1, 2, *size)
    truth[:, 0, :, 32:], crack[..., 30:34] = 2, True
    tgt = deformed(src, truth)
    batch, known = pair(src, tgt), {"tgt_defects": Array(crack, "mask")}
    tearing = Optimise("adam", weight=3, lr=0.2)
    ramp, jump = (tearing.build()(each).field for each in (batch, batch.put(**known)))
    near = (..., slice(8, -8), slice(24, 40))
    sides = ~crack[..., 8:-8, 24:40].squeeze(1)
    wrong = [(field - truth)[near].norm(dim=1)[sides].mean() for field in (ramp, jump)]
    assert wrong[1] < 0.5 * wrong[0]


def test_a_sample_without_data_keeps_its_start_beside_one_that_has_some():
    size = (48, 48)
    src, tgt = texture(size), deformed(texture(size), deformation(size, 2))
    prediction = Optimise().build()(pair(torch.cat([src, 0 * src]), torch.cat([tgt, tgt])))
    assert prediction.field[0].abs().max() > 0.1
    assert prediction.field[1].abs().max() == 0
    assert prediction.confidence[1].max() == 0


def test_a_picture_without_texture_moves_nothing_and_is_not_trusted():
    src, start = texture((48, 48)), deformation((48, 48), 3)
    batch = pair(src, torch.full_like(src, 100 / 255)).put(src_field=Array(start, "field"))
    prediction = Optimise().build()(batch)
    assert prediction.field.equal(start)
    assert (prediction.confidence == 0).all()


@pytest.mark.parametrize("wild", [SLOWLY, QUICK], ids=["adam", "lbfgs"])
def test_the_best_field_is_returned_not_the_last(wild):
    size, seen = (48, 48), []
    src = texture(size)
    batch = pair(src, deformed(src, deformation(size, 1)))
    aligner = attrs.evolve(wild, levels=1, lr=30, iterations=3, logarithm=False)
    field = aligner.build()(batch, lambda *report: seen.append(report[2]["loss"])).field
    energy = (sample(src, field, "border") - batch["tgt"].tensor)[..., 1:-1, 1:-1].square().mean()
    assert energy <= seen[0] + 1e-6


@each_method
def test_progress_is_reported_after_every_step(aligner):
    reports = []
    src = texture((64, 64))
    aligner.build()(pair(src, src.roll(1, -1)), lambda *report: reports.append(report))
    done = [done for done, _, _ in reports]
    assert done == sorted(done)
    assert max(done) <= {total for _, total, _ in reports}.pop()
    assert all(math.isfinite(value) for *_, values in reports for value in values.values())


def test_small_pictures_have_few_levels():
    reports = []
    src = texture((17, 40))
    batch = pair(src, src.roll(1, -1))
    SIZES = {1: 10, 3: 10}
    for levels, total in SIZES.items():
        attrs.evolve(QUICK, levels=levels).build()(batch, lambda *report: reports.append(report))
        assert {total for _, total, _ in reports} == {total}


def test_gradients_are_made_even_where_they_are_switched_off():
    src = texture((48, 48))
    with torch.no_grad():
        assert QUICK.build()(pair(src, src.roll(1, -1))).field.abs().max() > 0.1


def test_features_tell_what_grey_values_do_not():
    size = (96, 96)
    src, truth = texture(size), deformation(size, 2)
    shade = torch.linspace(0, 0.6, 96)
    batch = pair(src, deformed(src, truth) / 2 + shade)
    grey, sharp = (
        Optimise("lbfgs", features=features).build()(batch).field
        for features in (None, Sharpened())
    )
    assert errors(sharp, truth).median() < 0.5 * errors(grey, truth).median()


def test_an_aligner_without_features_is_refused_by_name_of_those_that_have_some():
    src = texture((32, 32))
    with pytest.raises(UserError, match=r"makes no features.*module or pyramid"):
        Optimise(features=Optimise()).build()(pair(src, src))


def test_an_objective_sees_the_features():
    size = (48, 48)
    src, truth = texture(size), deformation(size, 1)
    metric = Metric(MSE(), Rigidity(), weight=0.1, crop=2, pre_align_weight=0)
    aligner = Optimise("lbfgs", features=Sharpened(), objective=metric, levels=1)
    found = aligner.build()(pair(src, deformed(src, truth))).field
    assert errors(found, truth).median() < 0.5 * errors(0 * truth, truth).median()


def test_pixels_that_are_not_finite_are_refused():
    src = texture((32, 32))
    src[0, 0, 3, 4] = math.nan
    with pytest.raises(UserError, match="src has pixels that are not finite"):
        Optimise().build()(pair(src, texture((32, 32))))


def test_pictures_that_do_not_match_are_refused():
    with pytest.raises(UserError, match="src is 1 x 1 x 32 x 32, but tgt is 1 x 1 x 32 x 48"):
        Optimise().build()(pair(texture((32, 32)), texture((32, 48))))


@pytest.mark.parametrize(
    ("name", "value"),
    [("weight", -1), ("magnitude", -1), ("levels", 0), ("iterations", 0), ("lr", 0)],
)
def test_parameters_out_of_range_are_refused(name, value):
    with pytest.raises(ValueError, match=f"'{name}' must be >=? [01]: {value}"):
        Optimise("adam", **{name: value})


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"similarity": "mse"}, "the method gauss_newton brings its own terms and steps, so leave "
         "'similarity' away, or set 'method' to lbfgs or adam"),
        ({"weight": 3, "smoothness": "tv", "lr": 1}, "leave 'smoothness', 'weight' and 'lr' away"),
        ({"method": "adam", "tear": 4}, "the method adam has no 'tear', which gauss_newton has"),
        ({"method": "lbfgs", "weight": 3, "objective": {"type": "plain", "similarity": "mse",
         "smoothness": "rigidity"}}, "an 'objective' is all that is made small, so leave 'weight'"),
    ],
)  # fmt: skip
def test_what_does_not_belong_together_is_told_when_the_spec_is_checked(spec, said):
    with pytest.raises(SpecError) as error:
        build({"type": "optimise", **spec}, Aligner, installed())
    assert said in str(error.value)


def test_a_spec_of_it_comes_back():
    spec = {"type": "optimise", "method": "lbfgs", "smoothness": {"type": "tv"}, "weight": 3}
    aligner = build(spec, Aligner, installed())
    assert build(dump(aligner, Aligner, installed()), Aligner, installed()) == aligner


@pytest.mark.skipif(not DATA, reason="METROEM_TEST_DATA does not name a folder of real data")
@pytest.mark.parametrize("z", [0, 9])
def test_a_real_section_finds_itself_again(z):
    volume = HDF5(str(Path(DATA) / "vnc_stack1_dev.h5"), zero_is_data=True).open()
    voxels = volume.read(Box.of((300, 300, z), (256, 256, 1)), 0)
    src, truth = torch.from_numpy(voxels).float() / 255, deformation((256, 256), 8, seed=z)
    found = Optimise().build()(pair(src, deformed(src, truth, noise=0.03))).field
    assert has_data(src).all()
    assert errors(found, truth).median() < 0.1
