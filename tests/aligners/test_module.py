import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from metroem_aligners.module import Module
from metroem_aligners.running import Running
from metroem_core.batch import Array, Prediction, pair
from metroem_core.errors import UserError
from metroem_core.field import random_smooth
from metroem_core.geometry import Box
from metroem_core.kinds import Aligner
from metroem_core.mask import shrink
from metroem_core.module_folder import save_module
from metroem_core.spec import build
from metroem_core.testing import AlignerConformance
from metroem_registry import installed

DATA = os.environ.get("METROEM_TEST_DATA")
MODELS = Path(DATA or "", "models")
real = pytest.mark.skipif(not DATA, reason="METROEM_TEST_DATA does not name a folder of real data")
SMALL = Path(__file__).parents[1] / "networks" / "small.json"


def scalenet(**settings):
    return installed().get("network", "scalenet")(str(SMALL), **settings)


@pytest.fixture(scope="module", params=[False, True], ids=["ours", "older"])
def folder(request, tmp_path_factory):
    """A module folder whose network makes fields of some pixels."""
    torch.manual_seed(3)
    network = scalenet(legacy_accumulate=request.param)
    layers = network.build()
    for level in "35":
        layers.level_downmodules[level].module[0].layers[2].weight.data *= 20
    path = tmp_path_factory.mktemp("module")
    save_module(path, network, layers, {"mip": 3})
    return str(path)


def still(layers):
    """The layers, whose residuals are 0."""
    for level in "35":
        torch.nn.init.zeros_(layers.level_downmodules[level].module[0].layers[2].weight)
    return layers


class TestModule(AlignerConformance):
    @pytest.fixture(autouse=True)
    def _component(self, tmp_path):
        save_module(tmp_path, scalenet(), still(scalenet().build()), {})
        self.component = Module(str(tmp_path))


class TestModuleOfANetwork(AlignerConformance):
    component = Module(network=scalenet())

    def test_the_same_pair_gives_the_same_field(self):
        """It has other weights each time it is built."""

    def test_equal_pictures_need_no_field(self):
        """Which nobody has trained it to see."""


def pictures(height=96, width=128, seed=0):
    src, tgt = torch.rand(2, 1, 1, height, width, generator=torch.Generator().manual_seed(seed))
    return pair(0.1 + 0.9 * src, 0.1 + 0.9 * tgt)


def start(batch, longest=3.0):
    size = batch["src"].tensor.shape[-2:]
    field = random_smooth(size, longest, 24.0, torch.Generator().manual_seed(5))
    return batch.put(src_field=Array(field, "field"))


@pytest.mark.parametrize("batch", [pictures(), start(pictures())], ids=["", "start"])
@pytest.mark.parametrize("tile", [32, 50])
def test_tiles_equal_the_whole(folder, batch, tile):
    reports = []
    whole = Module(folder).build()(batch)
    tiled = Module(folder, running=Running(tile=tile)).build()(batch, lambda *x: reports.append(x))
    assert whole.field.std() > 1
    assert (tiled.field - whole.field).abs().max() < 1e-3
    assert reports[-1][:2] == (len(reports), len(reports))
    assert len(reports) == (12 if tile == 32 else 6)
    for level, sides in whole.features.items():
        for one, other in zip(sides, tiled.features[level], strict=True):
            torch.testing.assert_close(other, one, atol=1e-5, rtol=0)


def test_too_small_a_halo_does_not(folder):
    whole = Module(folder).build()(pictures()).field
    tiled = Module(folder, running=Running(tile=32, halo=4)).build()(pictures()).field
    assert (tiled - whole).abs().max() > 1e-2


@pytest.mark.parametrize("size", [(64, 64), (61, 83), (5, 6)])
def test_pictures_may_have_any_size(folder, size):
    prediction = Module(folder).build()(start(pictures(*size)))
    assert prediction.field.shape == (1, 2, *size)
    assert prediction.field.isfinite().all()
    for level, sides in prediction.features.items():
        assert {x.shape[-2:] for x in sides} == {(size[0] >> level, size[1] >> level)}


def test_rows_behind_a_picture_have_no_influence_far_from_them(folder):
    batch = pictures(96, 96)
    cut = pair(*(batch[name].tensor[..., :93, :] for name in ("src", "tgt")))
    one, other = (Module(folder).build()(each).field for each in (batch, cut))
    assert (one[..., :20, :] - other[..., :20, :]).abs().max() < 0.2


def test_features_are_of_the_levels_that_are_asked_for(folder):
    assert Module(folder).build()(pictures()).features.keys() == {0, 1, 2}
    assert Module(folder, features=(1,)).build()(pictures()).features.keys() == {1}
    assert Module(folder, features=()).build()(pictures()).features is None
    with pytest.raises(UserError, match=r"no features of level 7; it has 0, 1, 2"):
        Module(folder, features=(7,)).build()(pictures())


def test_features_are_zero_where_a_picture_has_no_data(folder):
    batch = pictures()
    batch["src"].tensor[..., 16:32, 40:57] = 0
    for level, (src, tgt) in Module(folder).build()(batch).features.items():
        hole = (slice(16 >> level, 32 >> level), slice(40 >> level, -(-57 >> level)))
        assert (src[0, :, *hole] == 0).all()
        assert (tgt[0, :, *hole] != 0).any()


def test_a_sample_without_data_keeps_its_start_beside_one_that_has_some(folder):
    one = start(pictures())
    batch = pair(*(torch.cat([one[n].tensor] * 2) for n in ("src", "tgt")))
    batch["tgt"].tensor[1] = 0
    batch = batch.put(src_field=Array(torch.cat([one["src_field"].tensor] * 2), "field"))
    field = Module(folder).build()(batch).field
    torch.testing.assert_close(field[:1], Module(folder).build()(one).field, atol=1e-3, rtol=0)
    assert field[1].equal(batch["src_field"].tensor[1])


@pytest.mark.parametrize(
    ("running", "most"),
    [
        (Running(channels_last=False), 1e-4),
        (Running(device="cpu"), 1e-6),
        (Running(dtype="bfloat16"), 0.5),
        (Running(dtype="bfloat16", channels_last=False), 0.5),
        pytest.param(Running(compile=True), 1e-3, marks=pytest.mark.slow),
    ],
)
def test_other_ways_to_run_it_give_nearly_the_same_field(folder, running, most):
    batch = start(pictures())
    usual = Module(folder).build()(batch).field
    field = Module(folder, running=running).build()(batch).field
    assert field.dtype == torch.float32
    assert (field - usual).abs().max() < most
    assert (field - usual).abs().mean() < most / 10


def test_it_can_be_trained_with_features_that_learn(folder):
    aligner = Module(folder).build().train()
    prediction = aligner(pictures())
    assert prediction.field.requires_grad
    prediction.features[0][0].sum().backward()
    encoder = aligner.network.level_upmodules["3"]
    assert all(weight.grad.abs().max() > 0 for weight in encoder.parameters())
    assert not aligner.eval()(pictures()).field.requires_grad


def test_a_built_module_can_be_sent_to_another_process(folder):
    aligner = Module(folder).build()
    again = pickle.loads(pickle.dumps(aligner))
    assert again(pictures()).field.equal(aligner(pictures()).field)


class Shift(nn.Module):
    """A network of another sort, which wants one pixel more, wherever it starts from."""

    def forward(self, pictures):
        self.seen = pictures
        return torch.ones_like(pictures)


def test_a_network_of_another_sort_sees_the_source_as_far_as_it_is_warped():
    network = Shift()
    aligner = Module(network=scalenet()).build()
    aligner.network = network
    batch = pictures(32, 40)
    field = torch.tensor([3.0, 0]).view(1, 2, 1, 1).expand(1, 2, 32, 40).contiguous()
    prediction = aligner(batch.put(src_field=Array(field, "field")))
    torch.testing.assert_close(network.seen[:, :1, :, :-3], batch["src"].tensor[..., 3:])
    torch.testing.assert_close(prediction.field[0, :, 5, 5], torch.tensor([4.0, 1.0]))
    assert prediction.features is None
    assert (aligner(batch).field == 1).all()


def test_a_network_that_says_nothing_of_its_halo_must_be_told(registry):
    network = registry.get("network", "unet2d")(in_channels=2, features=(4, 8))
    with pytest.raises(UserError, match="say with 'halo' how many pixels"):
        Module(network=network, running=Running(tile=32)).build()(pictures())
    aligner = Module(network=network, running=Running(tile=32, halo=64)).build()
    assert aligner(pictures()).field.shape == (1, 2, 96, 128)


def test_a_network_that_sees_whole_pictures_is_not_cut_in_tiles_by_itself():
    spec = json.loads(SMALL.read_text())
    spec["skiplinks"] = {"all": {"type": "masked_normalize"}}
    for name in ("upmodules", "downmodules"):
        spec[name] = scalenet().portable().spec[name]
    network = installed().get("network", "scalenet")(spec)
    with pytest.raises(UserError, match="may look at all of a picture"):
        Module(network=network, running=Running(tile=32)).build()(pictures())
    assert Module(network=network, running=Running(tile=None)).build()(pictures())


def test_a_spec_builds_it(folder):
    value = {"type": "module", "path": folder, "features": [0], "running": {"tile": 64}}
    assert build(value, Aligner, installed()) == Module(
        folder, features=(0,), running=Running(tile=64)
    )


def test_mistakes_are_refused(folder):
    with pytest.raises(ValueError, match="'path' or 'network', and not both"):
        Module()
    with pytest.raises(ValueError, match="'path' or 'network', and not both"):
        Module(folder, scalenet())
    with pytest.raises(ValueError, match="about a folder: they need 'path'"):
        Module(network=scalenet(), checkpoint="last")
    with pytest.raises(UserError, match="there is no device 'cuda:99'"):
        Module(folder, running=Running(device="cuda:99")).build()
    with pytest.raises(UserError, match="grey pictures, not 3 channels"):
        Module(folder).build()(pair(*[torch.rand(1, 3, 8, 8)] * 2))
    with pytest.raises(UserError, match="is no module folder"):
        Module(str(MODELS.parent)).build()


@pytest.mark.parametrize(
    ("channels", "said"),
    [
        ({"in_channels": 1}, "cannot see a source and a target"),
        ({"out_channels": 3}, "is no field"),
    ],
)
def test_networks_that_do_not_align_are_refused(channels, said, registry):
    settings = {"in_channels": 2, "features": (4,), **channels}
    network = registry.get("network", "unet2d")(**settings)
    with pytest.raises(UserError, match=said) as refusal:
        Module(network=network).build()(pictures(8, 8))
    assert "\n" not in str(refusal.value)


def golden(name, file):
    with np.load(MODELS / name / file) as arrays:
        return {key: torch.from_numpy(array) for key, array in arrays.items()}


@real
@pytest.mark.parametrize("start", [False, True])
def test_a_published_module_answers_in_tiles_as_it_did(start):
    known = golden("fine_noembed_m6", "golden_256_infield.npz")
    running = Running(tile=128)
    aligner = Module(str(MODELS / "fine_noembed_m6"), level_in=4, running=running).build()
    batch, expected = pair(known["src"], known["tgt"]), known["field_without_in_field"]
    if start:
        batch = batch.put(src_field=Array(known["in_field"], "field"))
        expected = known["field"]
    check(aligner(batch).field, expected)


@real
@pytest.mark.slow
def test_a_published_module_of_several_levels_answers_in_tiles_as_it_did():
    known = golden("coarse_metr_789", "golden_512.npz")
    aligner = Module(str(MODELS / "coarse_metr_789"), running=Running(tile=256)).build()
    check(aligner(pair(known["src"], known["tgt"])).field, known["field"])


def check(found, expected):
    assert (found - expected).abs().max() < 5e-5
    assert (found - expected).abs().mean() < 1e-5


def sections(z, side=256):
    """A section of a real stack and the one before, at half of their resolution."""
    volume = installed().get("source", "hdf5")(str(Path(DATA) / "vnc_stack1_dev.h5"), None, True)
    voxels = volume.open().read(Box((0, 0, z - 1), (2 * side, 2 * side, z + 1)), 0)
    tgt, src = shrink(torch.from_numpy(voxels).float() / 255).transpose(-1, -2).transpose(0, 1)
    return pair(src[None], tgt[None])


def correlation(batch, field):
    return installed().get("metric", "ncc")()(batch, Prediction(field), None).numbers["ncc"]


@real
@pytest.mark.parametrize("z", [1, 9])
def test_features_of_a_published_module_lead_on_from_its_field_on_real_sections(z, registry):
    batch, module = sections(z), Module(str(MODELS / "coarse_metr_789"))
    found = module.build()(batch).field
    optimise = registry.get("aligner", "optimise")(features=module).build()
    better = optimise(batch.put(src_field=Array(found, "field"))).field
    before, after, last = (correlation(batch, each) for each in (0 * found, found, better))
    assert after > before + 0.08
    assert last > after + 0.01
