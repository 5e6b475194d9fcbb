import math
import os
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from metroem_aligners.optimise import Optimise, spline
from metroem_core.batch import Array, pair
from metroem_core.errors import UserError
from metroem_core.field import sample
from metroem_core.geometry import Box
from metroem_core.mask import has_data
from metroem_core.testing import AlignerConformance
from metroem_losses.similarity.mse import MSE
from metroem_losses.similarity.ncc import NCC
from metroem_losses.smoothness.rigidity import Rigidity
from metroem_volumes.hdf5 import HDF5

DATA = os.environ.get("METROEM_TEST_DATA")
QUICK = Optimise(MSE(), Rigidity(), iterations=10, levels=3)


class TestOptimise(AlignerConformance):
    component = QUICK


class TestOptimiseByCorrelation(AlignerConformance):
    component = Optimise(NCC(), Rigidity(), iterations=10, levels=2)


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
    knots = torch.randn(1, 2, 6, 6, generator=generator)
    field = F.interpolate(knots, size=size, mode="bicubic", align_corners=True)
    return field * largest / field.norm(dim=1).max()


def deformed(picture, field, noise=0.0, seed=0):
    """The target that a source picture and a true field belong to."""
    generator = torch.Generator().manual_seed(seed)
    grain = noise * torch.randn(picture.shape, generator=generator)
    return (sample(picture, field, "border") + grain).clamp(0.02, 1)


def errors(found, truth, margin=12):
    distance = (found - truth).norm(dim=1)
    return distance[..., margin:-margin, margin:-margin]


def test_it_recovers_a_deformation_of_eight_pixels():
    src, truth = texture((256, 256)), deformation((256, 256), 8)
    found = Optimise(MSE(), Rigidity()).build()(pair(src, deformed(src, truth))).field
    assert errors(0 * truth, truth).median() > 2
    assert errors(found, truth).median() < 0.5


def test_every_sample_is_aligned_as_if_alone():
    size = (48, 64)
    src = torch.cat([texture(size, 1), texture(size, 2)])
    tgt = deformed(src, deformation(size, 3))
    together, alone = QUICK.build()(pair(src, tgt)), QUICK.build()(pair(src[1:], tgt[1:]))
    torch.testing.assert_close(together.field[1:], alone.field, atol=1e-4, rtol=0)


def test_it_goes_on_from_the_field_it_is_given():
    size, far = (64, 128), torch.tensor([30.0, 0]).view(1, 2, 1, 1)
    src, truth = texture(size), deformation(size, 2) + far
    batch = pair(src, deformed(src, truth)).put(src_field=Array(far.expand(1, 2, *size), "field"))
    found = Optimise(MSE(), Rigidity(), levels=1).build()(batch).field
    assert errors(found, truth)[..., :72].median() < 0.3


def test_invalid_vectors_of_the_start_are_no_trouble():
    src, start = texture((48, 48)), torch.zeros(1, 2, 48, 48)
    start[0, 0, :20] = math.nan
    found = QUICK.build()(pair(src, src).put(src_field=Array(start, "field"))).field
    assert found.abs().max() < 0.1


def test_tissue_around_a_hole_is_aligned_and_the_hole_follows():
    size = (96, 96)
    src, truth = texture(size), torch.ones(1, 2, *size)
    tgt = deformed(src, 2 * truth)
    src[..., 30:50, 30:50], tgt[..., 40:60, 20:40] = 0, 0
    found = Optimise(MSE(), Rigidity(), levels=3).build()(pair(src, tgt)).field
    assert errors(found, 2 * truth).quantile(0.95) < 0.3


def test_a_sample_without_data_keeps_its_start_beside_one_that_has_some():
    size = (48, 48)
    src, tgt = texture(size), deformed(texture(size), deformation(size, 2))
    found = QUICK.build()(pair(torch.cat([src, 0 * src]), torch.cat([tgt, tgt]))).field
    assert found[0].abs().max() > 0.1
    assert found[1].abs().max() == 0


def test_the_best_field_is_returned_not_the_last():
    size = (48, 48)
    src = texture(size)
    wild = Optimise(MSE(), Rigidity(), levels=1, lr=30, iterations=3)
    assert wild.build()(pair(src, deformed(src, deformation(size, 1)))).field.abs().max() == 0


def test_progress_is_reported_after_every_step():
    reports = []
    src = texture((64, 64))
    QUICK.build()(pair(src, src), lambda *report: reports.append(report))
    assert [done for done, _, _ in reports] == list(range(1, 31))
    assert {total for _, total, _ in reports} == {30}
    assert all(math.isfinite(values["loss"]) for *_, values in reports)


def test_small_pictures_have_few_levels():
    reports = []
    src = texture((17, 40))
    QUICK.build()(pair(src, src), lambda *report: reports.append(report))
    assert len(reports) == 10


def test_gradients_are_made_even_where_they_are_switched_off():
    src = texture((48, 48))
    with torch.no_grad():
        assert QUICK.build()(pair(src, src.roll(1, -1))).field.abs().max() > 0.1


@pytest.mark.parametrize("mip", [0, 1, 3])
@pytest.mark.parametrize(("pixels", "spacing"), [(64, 8), (37, 5), (9, 16)])
def test_splines_reproduce_straight_lines_at_every_mip(pixels, spacing, mip):
    basis = spline(pixels, spacing, mip)
    line = (torch.arange(basis.shape[1], dtype=torch.float64) - 1) * spacing
    centres = (torch.arange(pixels >> mip, dtype=torch.float64) + 0.5) * 2**mip - 0.5
    torch.testing.assert_close(basis.sum(dim=1), torch.ones(pixels >> mip).double())
    torch.testing.assert_close(basis @ line, centres)


def test_pixels_that_are_not_finite_are_refused():
    src = texture((32, 32))
    src[0, 0, 3, 4] = math.nan
    with pytest.raises(UserError, match="src has pixels that are not finite"):
        QUICK.build()(pair(src, texture((32, 32))))


def test_pictures_that_do_not_match_are_refused():
    with pytest.raises(UserError, match=r"src is \(1, 1, 32, 32\), but tgt is \(1, 1, 32, 48\)"):
        QUICK.build()(pair(texture((32, 32)), texture((32, 48))))


def test_a_batch_without_a_target_is_refused():
    batch = pair(*[texture((32, 32))] * 2)
    with pytest.raises(UserError, match="needs 'tgt'; this has src"):
        QUICK.build()(type(batch)({"src": batch["src"]}))


@pytest.mark.parametrize(
    ("name", "value"), [("weight", -1), ("levels", 0), ("iterations", 0), ("lr", 0), ("spacing", 0)]
)
def test_parameters_out_of_range_are_refused(name, value):
    with pytest.raises(ValueError, match=f"'{name}' must be >=? [01]: {value}"):
        Optimise(MSE(), Rigidity(), **{name: value})


@pytest.mark.skipif(not DATA, reason="METROEM_TEST_DATA does not name a folder of real data")
@pytest.mark.parametrize("z", [0, 9])
def test_a_real_section_finds_itself_again(z):
    volume = HDF5(str(Path(DATA) / "vnc_stack1_dev.h5"), zero_is_data=True).open()
    voxels = volume.read(Box.of((300, 300, z), (256, 256, 1)), 0)
    src, truth = torch.from_numpy(voxels).float() / 255, deformation((256, 256), 8, seed=z)
    found = Optimise(MSE(), Rigidity()).build()(pair(src, deformed(src, truth, noise=0.03))).field
    assert has_data(src).all()
    assert errors(found, truth).median() < 0.5
