import os
import pickle

import pytest
import torch
from torch import nn

from metroem_core.checkpoint import fill, load_weights, save_weights, weights_of
from metroem_core.errors import UserError


def net(width=3):
    return nn.Sequential(nn.Conv2d(1, width, 3), nn.ReLU(), nn.Conv2d(width, 2, 1))


class Harm:
    """Makes a file when it is unpickled."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (str(self.trace),)


@pytest.fixture(params=["w.safetensors", "w.state.pth.tar"])
def stored(request, tmp_path):
    """Weights of a network, in a file of each sort."""
    path, network = tmp_path / request.param, net()
    if path.suffix == ".safetensors":
        save_weights(path, weights_of(network))
    else:
        torch.save(network.state_dict(), path)
    return path, network


def test_weights_come_back_as_they_were(stored):
    path, network = stored
    weights = load_weights(path)
    assert weights.keys() == network.state_dict().keys()
    assert all(weights[name].equal(each) for name, each in network.state_dict().items())


def test_the_oldest_format_of_torch_is_read(tmp_path):
    torch.save(net().state_dict(), tmp_path / "w.pth", _use_new_zipfile_serialization=False)
    assert len(load_weights(tmp_path / "w.pth")) == 4


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_a_file_cut_short_is_refused(stored, share):
    path, _ = stored
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(UserError, match=rf"{path.name} is cut short or"):
        load_weights(path)


@pytest.mark.parametrize("text", [b"", b"{}", b"\x80\x04not a pickle at all"])
def test_what_is_no_file_of_weights_is_refused(stored, text):
    path, _ = stored
    path.write_bytes(text)
    with pytest.raises(UserError, match=path.name) as refusal:
        load_weights(path)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "store", [torch.save, lambda value, path: path.write_bytes(pickle.dumps(value))]
)
@pytest.mark.parametrize("hide", [lambda harm: harm, lambda harm: {"w": torch.ones(1), "x": harm}])
def test_a_malicious_pickle_is_refused_and_does_nothing(tmp_path, store, hide):
    path, trace = tmp_path / "w.state.pth.tar", tmp_path / "trace"
    store(hide(Harm(trace)), path)
    with pytest.raises(UserError, match="would run code.*--trust") as refusal:
        load_weights(path)
    assert "\n" not in str(refusal.value)
    assert not trace.exists()


def test_a_whole_network_in_a_pickle_is_refused(tmp_path):
    torch.save(net(), tmp_path / "w.pth")
    with pytest.raises(UserError, match="holds more than weights"):
        load_weights(tmp_path / "w.pth")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([torch.ones(1)], "holds a list, not weights"),
        ({"epoch": 3, "w": torch.ones(1)}, "no state dict: its 'epoch' is a int"),
        ({"state_dict": {"w": torch.ones(1)}}, "no state dict: its 'state_dict' is a mapping"),
        ({}, "holds nothing"),
    ],
)
def test_a_pickle_that_is_no_state_dict_is_refused(tmp_path, value, said):
    torch.save(value, tmp_path / "w.pth")
    with pytest.raises(UserError, match=said):
        load_weights(tmp_path / "w.pth")


def test_a_missing_file_is_refused_and_the_nearest_name_offered(stored):
    path, _ = stored
    with pytest.raises(UserError, match=f"Did you mean '{path}'"):
        load_weights(path.with_name(f"x{path.name}"))


def test_a_network_is_filled_and_it_is_told_how_well():
    network, other = net(), net()
    filled = fill(network, {**other.state_dict(), "more": torch.ones(1)}, "w")
    assert str(filled) == "4 loaded, 0 missing, 0 mismatched, 1 unknown"
    assert filled.unknown == ("more",)
    assert network[0].weight.equal(other[0].weight)


def test_weights_that_fit_in_part_are_taken_in_part_only_when_asked():
    network, weights = net(), net(5).state_dict()
    del weights["0.bias"]
    before = network[2].bias.clone()
    with pytest.raises(UserError, match="Of 4 weights 1 are missing: 0.bias; 2 are of another"):
        fill(network, weights, "w")
    assert network[2].bias.equal(before)
    filled = fill(network, weights, "w", partly=True)
    assert (filled.loaded, filled.missing) == (("2.bias",), ("0.bias",))
    assert filled.mismatched[0] == "0.weight (5 x 1 x 3 x 3, not 3 x 1 x 3 x 3)"


@pytest.mark.parametrize("partly", [False, True])
def test_weights_of_another_network_are_refused(partly):
    with pytest.raises(UserError, match="w has weights of another network: it has module.0.bias"):
        fill(net(), {"module.0.bias": torch.ones(3)}, "w", partly)


class Twice(nn.Module):
    """One layer under two names."""

    def __init__(self):
        super().__init__()
        self.one = nn.Linear(2, 2)
        self.other = self.one


@pytest.mark.parametrize("name", ["one", "other"])
def test_a_weight_with_two_names_is_stored_once_and_found_under_either(tmp_path, name):
    save_weights(tmp_path / "w.safetensors", weights_of(Twice()))
    weights = load_weights(tmp_path / "w.safetensors")
    assert weights.keys() == {"one.weight", "one.bias"}
    renamed = {key.replace("one", name): each for key, each in weights.items()}
    assert fill(Twice(), renamed, "w").missing == ()


def test_a_network_without_weights_needs_none():
    assert str(fill(nn.ReLU(), {"w": torch.ones(1)}, "w")).startswith("0 loaded, 0 missing")


def test_weights_are_for_everybody_who_may_read_files_here(tmp_path):
    (tmp_path / "other").touch()
    save_weights(tmp_path / "w.safetensors", {"a": torch.ones(2)})
    assert (tmp_path / "w.safetensors").stat().st_mode == (tmp_path / "other").stat().st_mode
