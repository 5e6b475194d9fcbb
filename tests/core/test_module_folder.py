import json
import os
import pickle

import attrs
import pytest
import torch
from torch import nn

from metroem_core.errors import UserError
from metroem_core.module_folder import describe_module, load_module, save_module
from metroem_core.pyramid_folder import stages_of
from metroem_registry import Registry, installed

BLOCK = {"type": "convblock", "arch_desc": {"fms": [2, 3, 2], "k": 3}}
SPEC = {"type": "scalenet", "downmodules": {"4": {"path": "parts/block.json"}, "5": BLOCK}}


def older_module(folder, inside="", name="checkpoint"):
    """A module folder as the older programs write it, and the weights in it."""
    place = folder / inside
    (place / "parts").mkdir(parents=True)
    (place / "model_spec.json").write_text(json.dumps(SPEC))
    (place / "parts" / "block.json").write_text(json.dumps(BLOCK))
    weights = {
        f"level_downmodules.{level}.{prefix}.{index}.{part}": torch.full(shape, float(level))
        for level in (4, 5)
        for prefix in ("layers", "seq")
        for index, *shapes in ((0, (3, 2, 3, 3), (3,)), (2, (2, 3, 3, 3), (2,)))
        for part, shape in zip(("weight", "bias"), shapes, strict=True)
    }
    torch.save(weights, place / f"{name}.state.pth.tar")
    return folder


@pytest.mark.parametrize("inside", ["", "model"])
def test_an_older_folder_is_read_as_it_is(tmp_path, inside):
    module = load_module(older_module(tmp_path / "m", inside))
    assert str(module.filled) == "8 loaded, 0 missing, 0 mismatched, 0 unknown"
    assert module.network.level_downmodules["5"].layers[2].weight.min() == 5
    assert module.network.legacy
    assert not module.network.training


def test_it_is_written_as_one_json_and_safetensors_that_need_no_other_file(tmp_path):
    module, card = load_module(older_module(tmp_path / "m"), level_in=3), {"mip": 3, "set": "vnc"}
    save_module(tmp_path / "new", module.description.network, module.network, card)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "module.json",
        "weights.safetensors",
    ]
    again = load_module(tmp_path / "new")
    assert again.description.card == card
    assert again.description.network == module.description.network
    assert (again.network.level_in, again.network.legacy) == (3, True)
    x = torch.rand(1, 2, 8, 8)
    assert again.network(x).equal(module.network(x))


def test_a_network_of_our_own_is_not_legacy(tmp_path, registry):
    network = registry.get("network", "scalenet")({"type": "scalenet", "downmodules": {"0": BLOCK}})
    save_module(tmp_path / "m", network, network.build(), {})
    assert not load_module(tmp_path / "m").network.legacy
    written = json.loads((tmp_path / "m" / "module.json").read_text())
    assert written["network"]["legacy_accumulate"] is False


def test_saving_leaves_other_files_in_the_folder_alone(tmp_path):
    module = load_module(older_module(tmp_path / "m"))
    save_module(tmp_path / "m", module.description.network, module.network, {"mip": 1})
    assert (tmp_path / "m" / "model_spec.json").exists()
    assert load_module(tmp_path / "m").description.card == {"mip": 1}


@attrs.frozen
class Straight:
    """One convolution.

    :param width: its channels.
    """

    width: int = 2

    def build(self):
        return nn.Conv2d(2, self.width, 1)


def test_a_network_of_anybody_can_be_stored(tmp_path):
    registry = Registry(installed().entries())
    registry.add("network", "straight", Straight)
    save_module(tmp_path / "m", Straight(5), Straight(5).build(), {}, registry)
    assert load_module(tmp_path / "m", registry=registry).network.weight.shape[0] == 5
    with pytest.raises(UserError, match="module.json: network: no network is called 'straight'"):
        load_module(tmp_path / "m")


def test_one_of_several_state_dicts_is_named(tmp_path):
    folder = older_module(tmp_path / "m", name="first")
    assert load_module(folder).filled.loaded
    torch.save({}, folder / "second.state.pth.tar")
    with pytest.raises(UserError, match="several state dicts.*'checkpoint': first.*, second"):
        load_module(folder)
    assert load_module(folder, checkpoint="first").filled.loaded
    torch.save(torch.load(folder / "first.state.pth.tar"), folder / "checkpoint.state.pth.tar")
    assert describe_module(folder).weights.name == "checkpoint.state.pth.tar"


def trained_as(folder, *names):
    """A module folder with the history of trainings of some names, the latest last."""
    module = load_module(older_module(folder))
    save_module(folder, module.description.network, module.network, {})
    parent = {"path": None, "sha256": None}
    records = [{"name": each, "started": "", "sha256": "", "parent": parent} for each in names]
    (folder / "training").mkdir()
    (folder / "training/history.json").write_text(json.dumps(records))
    return folder


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ((), "has no weights called 'a': it has weights without a name. Without a name"),
        (("b",), "has no weights called 'a': it has those called 'b'. Without a name"),
        (("a", "b"), "it has those called 'b', which were trained after 'a'. Without a name"),
    ],
)
def test_weights_of_ours_have_the_name_of_their_last_training(tmp_path, names, said):
    folder = trained_as(tmp_path / "m", *names)
    assert load_module(folder).filled.loaded
    for name in names[-1:]:
        assert load_module(folder, checkpoint=name).filled.loaded
    with pytest.raises(UserError, match=said):
        load_module(folder, checkpoint="a")


def test_a_history_that_cannot_be_read_is_told(tmp_path):
    folder = trained_as(tmp_path / "m", "a")
    (folder / "training/history.json").write_text('{"name": ')
    with pytest.raises(UserError, match="history.json is no history of a training. Mend it"):
        load_module(folder, checkpoint="a")


class Harm:
    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (str(self.trace),)


def test_nothing_in_a_folder_is_run(tmp_path):
    trace = tmp_path / "trace"
    text = f"import os\nos.mkdir({str(trace)!r})\ndef create(**settings): return None\n"
    beside = older_module(tmp_path / "beside", "model")
    alone = tmp_path / "alone"
    alone.mkdir()
    for folder in (beside, alone, beside / "model"):
        (folder / "create.py").write_text(text)
    assert load_module(beside).filled.loaded
    with pytest.raises(UserError, match=r"only create.py, which is code.*convert --trust"):
        load_module(alone)
    (beside / "model" / "checkpoint.state.pth.tar").write_bytes(pickle.dumps(Harm(trace)))
    with pytest.raises(UserError, match="would run code"):
        load_module(beside)
    (beside / "model" / "parts" / "block.json").write_text(
        json.dumps({"type": "custom_layer", "code": text})
    )
    with pytest.raises(UserError, match="code is never run"):
        load_module(beside)
    assert not trace.exists()


def damaged(folder, damage):
    path = folder / "checkpoint.state.pth.tar"
    weights = torch.load(path)
    if damage == "missing":
        path.unlink()
    elif damage == "cut in half":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif damage == "of another network":
        torch.save({"fc.weight": torch.ones(2)}, path)
    else:
        torch.save({name: x for name, x in weights.items() if ".5." not in name}, path)
    return folder


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("missing", "has no weights: there is no checkpoint.state.pth.tar"),
        ("cut in half", "checkpoint.state.pth.tar is cut short"),
        ("of another network", "has weights of another network: it has fc.weight"),
        ("in part", "Of 8 weights 4 are missing: level_downmodules.5.layers.0.weight"),
    ],
)
def test_damaged_weights_are_refused(tmp_path, damage, said):
    folder = damaged(older_module(tmp_path / "m"), damage)
    with pytest.raises(UserError, match=said) as refusal:
        load_module(folder)
    assert "\n" not in str(refusal.value)


def test_weights_may_be_loaded_in_part(tmp_path):
    filled = load_module(damaged(older_module(tmp_path / "m"), "in part"), partly=True).filled
    assert (len(filled.loaded), len(filled.missing)) == (4, 4)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("[]", "module.json does not say which network it is"),
        ('{"format": 9, "network": {}}', "module.json has the format 9; this program reads 1"),
        ('{"format": 1, "network": {"type": "scalnet"}}', "Did you mean 'scalenet'"),
        ('{"format": 1, "network": {"type": "unet2d", "k": 1}}', "network.k: UNet2D has no such"),
        ('{"format": 1,', "module.json, line 1"),
    ],
)
def test_mistakes_in_module_json_are_told(tmp_path, value, said):
    (tmp_path / "module.json").write_text(value)
    with pytest.raises(UserError, match=said):
        describe_module(tmp_path)


def test_what_is_no_module_folder_is_refused(tmp_path):
    with pytest.raises(UserError, match="has neither module.json nor model_spec.json"):
        load_module(tmp_path)
    with pytest.raises(UserError, match="is no folder"):
        load_module(tmp_path / "none")
    with pytest.raises(UserError, match="metroem model load gs://bucket/m FOLDER"):
        load_module("gs://bucket/m")


def folders(place, *names):
    for name in names:
        (place / name).mkdir()
    return place


def test_modules_of_a_pyramid_are_found_in_the_order_of_their_stages(tmp_path):
    folders(tmp_path, "2_mip4in_", "10_mip12in_b", "0_mip7in_coarse one", "__pycache__", ".git")
    (tmp_path / "checkpoint.log").write_text("")
    assert [(each.number, each.mip) for each in stages_of(tmp_path)] == [(0, 7), (2, 4), (10, 12)]
    assert [each.mip for each in stages_of(tmp_path, (2, 0))] == [7, 4]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["0_mip7in_a", "0_mip6in_b"], "two modules of stage 0: 0_mip6in_b and 0_mip7in_a"),
        (["0_mip7in_a", "results"], "results is in the folder of a pyramid, so it must be named"),
        (["x0_mip7in_a"], "as 0_mip6in_coarse"),
        ([], "has no module in it"),
    ],
)
def test_wrong_pyramids_are_refused(tmp_path, names, said):
    with pytest.raises(UserError, match=said):
        stages_of(folders(tmp_path, *names))


def test_other_mistakes_about_pyramids_are_refused(tmp_path):
    with pytest.raises(UserError, match="is no folder"):
        stages_of(tmp_path / "none")
    with pytest.raises(UserError, match="must be copied here first"):
        stages_of("s3://bucket/pyramid")
    with pytest.raises(UserError, match="has no module of stage 3; it has 0"):
        stages_of(folders(tmp_path, "0_mip7in_a"), (0, 3))
