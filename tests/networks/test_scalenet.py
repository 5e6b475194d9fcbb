import copy
import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from metroem_core.checkpoint import fill, load_weights
from metroem_core.errors import UserError
from metroem_core.field import random_smooth
from metroem_core.testing import NetworkConformance
from metroem_networks.nodes.includes import MOST
from metroem_networks.scalenet import ScaleNet

DATA = os.environ.get("METROEM_TEST_DATA")
MODELS = Path(DATA or "", "models")
real = pytest.mark.skipif(not DATA, reason="METROEM_TEST_DATA does not name a folder of real data")

BIAS = "level_downmodules.{}.module.1.weights"


class TestScaleNet(NetworkConformance):
    @pytest.fixture(autouse=True)
    def _component(self, small):
        self.component = ScaleNet(small)


def pictures(height=32, width=48):
    return torch.rand(1, 2, height, width, generator=torch.Generator().manual_seed(0))


def built(spec, seed=0, **settings):
    torch.manual_seed(seed)
    return ScaleNet(spec, **settings).build().eval()


def start(size=(32, 48)):
    return random_smooth(size, 3.0, 16.0, torch.Generator().manual_seed(1))


def test_it_has_features_of_every_level_without_the_pictures_themselves(small):
    field, features = built(small).predict(pictures())
    assert field.shape == (1, 2, 32, 48)
    assert {level: src.shape for level, (src, _) in features.items()} == {
        0: (1, 3, 32, 48),
        1: (1, 3, 16, 24),
        2: (1, 3, 8, 12),
    }


def test_both_pictures_have_their_features_from_the_same_layers(small):
    x = pictures()
    features, swapped = (built(small).predict(each)[1] for each in (x, x.flip(1)))
    for level, (src, tgt) in features.items():
        assert swapped[level][0].equal(tgt)
        assert swapped[level][1].equal(src)


def test_the_finest_level_with_a_module_is_that_of_the_pictures_unless_said(small):
    assert (built(small).level_in, built(small).multiple) == (3, 4)
    net = built({"type": "scalenet", "downmodules": {"6": small["downmodules"]["5"]}}, level_in=5)
    assert net.multiple == 2


def constant(net, level, bins):
    """Make a level vote evenly, so that its residual is the mean of some bins along both axes."""
    module = net.level_downmodules[str(level)].module
    for layer in module[0].layers[::2]:
        torch.nn.init.zeros_(layer.weight)
    module[1].weights.data = torch.full((7, 1), bins)


@pytest.mark.parametrize("legacy", [False, True])
def test_residuals_of_all_levels_add_up_in_pixels_of_the_finest(small, legacy):
    net = built(small, legacy_accumulate=legacy)
    constant(net, 3, 0.5)
    constant(net, 5, 1.0)
    with torch.no_grad():
        field = net.predict(pictures())[0]
    torch.testing.assert_close(field[..., 6:-6, 6:-6], torch.full((1, 2, 20, 36), 4.5))


@pytest.mark.parametrize("legacy", [False, True])
def test_the_result_contains_the_field_to_start_from(small, legacy):
    net, given = built(small, legacy_accumulate=legacy), start()
    constant(net, 3, 0.0)
    constant(net, 5, 0.0)
    coarse = F.interpolate(F.avg_pool2d(given, 4), scale_factor=4, mode="bilinear")
    with torch.no_grad():
        found = net.predict(pictures(), given)[0]
    assert (found - coarse)[..., 6:-6, 6:-6].abs().max() < 0.5


def test_links_that_are_not_given_pool_and_enlarge_and_pass_on():
    one = {"type": "convblock", "arch_desc": {"fms": [2, 2], "k": 1}}
    net = built({"type": "scalenet", "downmodules": {"0": one, "1": one}})
    x = pictures(4, 4)
    coarse = net.level_downmodules["1"](F.avg_pool2d(x, 2))
    fine = x + F.interpolate(coarse, scale_factor=2, mode="bilinear")
    torch.testing.assert_close(net(x), net.level_downmodules["0"](fine))


def test_a_link_for_all_levels_is_a_copy_at_each(small):
    small["skiplinks"] = {"all": {"type": "convblock", "arch_desc": {"fms": [8, 8], "k": 1}}}
    names = built(small).state_dict()
    assert {f"level_skiplinks.{level}.layers.0.weight" for level in range(14)} <= names.keys()


@pytest.mark.parametrize("legacy", [False, True])
def test_a_vector_depends_on_pixels_within_the_halo_alone(small, legacy):
    net, x = built(small, seed=3, legacy_accumulate=legacy), pictures(160, 160)
    for level in "35":  # larger fields than those of new weights
        net.level_downmodules[level].module[0].layers[2].weight.data *= 20
    given = start((160, 160))
    halo = net.halo(given.norm(dim=1).max().item())
    assert 24 < halo < 80
    far = x.clone()
    far[..., int(80 + halo) + 1 :] = 0
    with torch.no_grad():
        one, other = (net.predict(each, given)[0] for each in (x, far))
    assert (one - other)[..., 70:90, :81].abs().max() < 1e-5
    assert (one - other).abs().max() > 0.1


def written(folder, **files):
    for name, value in files.items():
        path = folder / f"{name.replace('__', '/')}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value))
    return str(folder / "model_spec.json")


def test_parts_may_stand_in_other_files_beside_the_first_or_beside_their_own(tmp_path, small):
    whole = copy.deepcopy(small)
    parts = {"parts__decoder": small["downmodules"].pop("3"), "pool": {"path": "parts/inner.json"}}
    small["downmodules"]["3"] = {"path": "parts/decoder.json", "type": "no matter"}
    parts["parts__decoder"]["arch_desc"]["inner_module"] = {"path": "chain.json"}
    parts["parts__chain"] = whole["downmodules"]["3"]["arch_desc"]["inner_module"]
    spec = ScaleNet(written(tmp_path, model_spec=small, **parts))
    assert spec.portable() == ScaleNet(whole)
    assert fill(spec.build(), ScaleNet(whole).build().state_dict(), "w").missing == ()


def test_a_file_that_includes_itself_is_refused(tmp_path):
    path = written(tmp_path, model_spec={"path": "a.json"}, a={"x": [{"path": "b.json"}]})
    written(tmp_path, b={"y": {"path": "a.json"}})
    with pytest.raises(UserError, match=r"includes itself: a.json -> b.json -> a.json"):
        ScaleNet(path).build()


def test_files_that_include_each_other_without_measure_are_refused(tmp_path):
    levels = {f"f{n}": [{"path": f"f{n + 1}.json"}] * 8 for n in range(6)}
    path = written(tmp_path, model_spec={"path": "f0.json"}, **levels, f6={"type": "identity"})
    with pytest.raises(UserError, match=f"more than {MOST:,} files"):
        ScaleNet(path).build()


def test_a_file_that_is_not_there_is_refused_and_the_nearest_name_offered(tmp_path):
    path = written(tmp_path, model_spec={"path": "identit.json"}, identity={"type": "identity"})
    with pytest.raises(UserError, match=r"no such file.*Did you mean '.*identity.json'"):
        ScaleNet(path).build()


def test_a_file_that_is_no_json_is_refused_with_its_line(tmp_path):
    (tmp_path / "model_spec.json").write_text('{"type":\n oh}')
    with pytest.raises(UserError, match="model_spec.json, line 2"):
        ScaleNet(str(tmp_path / "model_spec.json")).build()


def test_weights_that_nodes_name_are_loaded_when_asked(tmp_path):
    block = {"type": "convblock", "arch_desc": {"fms": [1, 2]}, "checkpoint_init": "init.pth"}
    weights = {"layers.0.weight": torch.ones(2, 1, 7, 7), "layers.0.bias": torch.ones(2)}
    torch.save(weights, tmp_path / "init.pth")
    path = written(tmp_path, model_spec={"type": "sequence", "arch_desc": {"module_list": [block]}})
    assert ScaleNet(path, checkpoint_init=True).build()[0].layers[0].weight.min() == 1
    assert ScaleNet(path).build()[0].layers[0].weight.min() < 1
    (tmp_path / "init.pth").rename(tmp_path / "gone.pth")
    assert ScaleNet(path).portable().build()
    with pytest.raises(UserError, match="no such file"):
        ScaleNet(path, checkpoint_init=True).build()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"downmodules": {}, "upmodules": {}}, "spec needs 'downmodules' or 'upmodules'"),
        ({"downmodules": {"one": {}}}, "spec.downmodules.one is no level"),
        ({"uplinks": {"3": {"type": "ident"}}}, "spec.uplinks.3.type is 'ident'.*'identity'"),
        ({"max_level": "9"}, "spec.max_level must be a whole number"),
    ],
)
def test_mistakes_are_told_with_their_place(small, change, said):
    with pytest.raises(UserError, match=said):
        ScaleNet({**small, **change}).build()


def test_a_level_above_the_top_is_refused(small):
    with pytest.raises(UserError, match="'level_in' is 6, but the top is 5"):
        ScaleNet(small, level_in=6).build()
    with pytest.raises(ValueError, match="'level_in' must be >= 0: -1"):
        ScaleNet(small, level_in=-1)


def published(name, level_in=None):
    folder = MODELS / name
    spec = ScaleNet(str(folder / "model_spec.json"), level_in, legacy_accumulate=True)
    network = spec.build().eval()
    filled = fill(network, load_weights(folder / "checkpoint.state.pth.tar"), folder)
    assert filled.missing == filled.unknown == ()
    return network


def golden(name, file):
    with np.load(MODELS / name / file) as arrays:
        return {key: torch.from_numpy(array) for key, array in arrays.items()}


def check(found, expected):
    assert (found - expected).abs().max() < 3e-5
    assert (found - expected).abs().mean() < 1e-5


@real
@pytest.mark.parametrize(("name", "level_in"), [("coarse_metr_789", 7), ("fine_noembed_m6", 4)])
def test_published_networks_answer_as_they_did(name, level_in):
    network = published(name, level_in)
    known, started = golden(name, "golden_512.npz"), golden(name, "golden_256_infield.npz")
    with torch.no_grad():
        pair = torch.cat([known["src"], known["tgt"]], dim=1)
        check(network(pair), known["field"])
        pair = torch.cat([started["src"], started["tgt"]], dim=1)
        check(network.predict(pair, started["in_field"])[0], started["field"])
        check(network(pair), started["field_without_in_field"])


@real
def test_a_published_encoder_answers_as_it_did():
    known = golden("ncc_embedder_m8", "golden_256.npz")
    with torch.no_grad():
        check(published("ncc_embedder_m8")(known["x"]), known["y"])
