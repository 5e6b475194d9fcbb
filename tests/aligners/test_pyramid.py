import os
import shutil
from pathlib import Path

import pytest
import torch

from metroem_aligners.module import Module
from metroem_aligners.pyramid import Pyramid
from metroem_aligners.running import Running
from metroem_core.batch import Array, pair
from metroem_core.errors import UserError
from metroem_core.field import down, random_smooth, up
from metroem_core.mask import shrink
from metroem_core.module_folder import save_module
from metroem_core.testing import AlignerConformance
from metroem_registry import installed

DATA = os.environ.get("METROEM_TEST_DATA")
MODELS = Path(DATA or "", "models")
NETWORK = installed().get("network", "scalenet")(
    str(Path(__file__).parents[1] / "networks" / "small.json")
)


def module(folder, vector=None, seed=0):
    """A module folder; its residual is a vector in pixels, if one is given."""
    torch.manual_seed(seed)
    layers = NETWORK.build()
    for level in "35":
        chain = layers.level_downmodules[level].module
        if vector is not None:
            torch.nn.init.zeros_(chain[0].layers[2].weight)
            chain[1].weights.data.fill_(vector if level == "3" else 0)
    save_module(folder, NETWORK, layers, {})


@pytest.fixture
def folder(tmp_path):
    """Three stages that add (1, 1) pixels of their mip each."""
    for number, mip in enumerate((7, 6, 4)):
        module(tmp_path / f"{number}_mip{mip}in_test", 1.0)
    return tmp_path


class TestPyramid(AlignerConformance):
    @pytest.fixture(autouse=True)
    def _component(self, tmp_path):
        module(tmp_path / "0_mip5in_coarse", 0.0)
        module(tmp_path / "1_mip4in_fine", 0.0)
        self.component = Pyramid(str(tmp_path))


def pictures(height=128, width=160):
    src, tgt = torch.rand(2, 1, 1, height, width, generator=torch.Generator().manual_seed(0))
    return pair(0.1 + 0.9 * src, 0.1 + 0.9 * tgt)


def start(batch, longest):
    field = random_smooth(batch["src"].tensor.shape[-2:], longest, 48.0, torch.Generator())
    return batch.put(src_field=Array(field, "field"))


def test_residuals_of_all_stages_add_up_in_pixels_of_the_finest_mip(folder):
    field = Pyramid(str(folder)).build()(pictures()).field
    expected = torch.full((1, 2, 64, 96), 8.0 + 4 + 1)
    torch.testing.assert_close(field[..., 32:-32, 32:-32], expected, atol=1e-3, rtol=0)


def test_a_start_goes_through_all_stages(folder):
    batch = start(pictures(), 4.0)
    field = Pyramid(str(folder)).build()(batch).field
    moved = field - batch["src_field"].tensor
    assert (moved[..., 32:-32, 32:-32] - 13).abs().max() < 4  # a smooth field, some pixels away


def test_each_stage_sees_the_pictures_and_the_field_of_its_mip(tmp_path):
    module(tmp_path / "0_mip3in_", seed=1)
    module(tmp_path / "1_mip2in_", seed=2)
    batch = start(pictures(), 2.0)
    coarse = pair(*(shrink(batch[name].tensor) for name in ("src", "tgt")))
    coarse = coarse.put(src_field=Array(down(batch["src_field"].tensor), "field"))
    first = Module(str(tmp_path / "0_mip3in_")).build()(coarse)
    second = Module(str(tmp_path / "1_mip2in_")).build()
    expected = second(batch.put(src_field=Array(up(first.field), "field")))
    found = Pyramid(str(tmp_path)).build()(batch)
    assert found.field.equal(expected.field)
    assert found.features.keys() == {0, 1, 2, 3}
    assert found.features[3][0].equal(first.features[2][0])
    assert found.features[1][1].equal(expected.features[1][1])


@pytest.mark.parametrize("size", [(64, 64), (61, 83), (9, 20)])
def test_pictures_may_have_any_size(folder, size):
    prediction = Pyramid(str(folder)).build()(start(pictures(*size), 1.0))
    assert prediction.field.shape == (1, 2, *size)
    assert prediction.field.isfinite().all()
    for level, sides in prediction.features.items():
        assert {x.shape[-2:] for x in sides} == {(size[0] >> level, size[1] >> level)}


def test_stages_can_be_chosen_and_told_how_to_run(folder):
    reports = []
    aligner = Pyramid(str(folder), stages=(1,), running=Running(tile=32)).build()
    field = aligner(pictures(), lambda *report: reports.append(report)).field
    assert (field[..., 32:-32, 32:-32] - 1).abs().max() < 1e-3
    assert reports == [(1, 1, {})]
    with pytest.raises(UserError, match="has no module of stage 5; it has 0, 1, 2"):
        Pyramid(str(folder), stages=(5,)).build()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("1_mip5in_other", "two modules of stage 1: 1_mip5in_other and 1_mip6in_test"),
        ("old", "old"),
    ],
)
def test_wrong_folders_are_refused(folder, name, said):
    (folder / name).mkdir()
    with pytest.raises(UserError, match=said) as refusal:
        Pyramid(str(folder)).build()
    assert "\n" not in str(refusal.value)


def test_a_stage_without_weights_is_refused(folder):
    (folder / "1_mip6in_test" / "weights.safetensors").unlink()
    with pytest.raises(UserError, match="no such file: .*1_mip6in_test/weights.safetensors"):
        Pyramid(str(folder)).build()


@pytest.mark.skipif(not DATA, reason="METROEM_TEST_DATA does not name a folder of real data")
def test_a_published_module_can_be_a_stage(tmp_path):
    place = tmp_path / "0_mip7in_published"
    shutil.copytree(MODELS / "coarse_metr_789", place)
    alone = Module(str(place)).build()(pictures())
    assert Pyramid(str(tmp_path)).build()(pictures()).field.equal(alone.field)
