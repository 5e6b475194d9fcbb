"""However a network is run, it learns the same, as nearly as its numbers can tell."""

import sys
from pathlib import Path

import pytest
import torch

from metroem_core.plugins import components

TOY = Path(__file__).with_name("toy_training.py")
components([TOY])
toy = sys.modules["metroem_plugin_toy_training"]
sys.path.insert(0, str(TOY.parent))
from toy_network import network  # noqa: E402


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    toy.write_set(folder / "set")
    toy.write_pyramid(folder / "pyramid", network=network(features=4, width=8, levels=2, k=3))
    return folder


@pytest.fixture(scope="module")
def exact(made, tmp_path_factory):
    return losses(made, tmp_path_factory.mktemp("exact"))


def losses(made, out, **changes):
    """The validation losses of a short training, and the type of the weights that it left."""
    phases = [{**toy.PHASE, "lr": 1e-3}]
    model = toy.train(out, made / "set", made / "pyramid", phases=phases, **changes)
    assert {each.dtype for each in toy.weights(model).values()} == {torch.float32}
    return [line["validation"]["loss"] for line in toy.lines(model / "0_mip0in_toy")]


def test_with_channels_apart(made, tmp_path, exact):
    found = losses(made, tmp_path, channels_last=False)
    assert found == pytest.approx(exact, rel=1e-3)


def test_with_bfloat16(made, tmp_path, exact):
    found = losses(made, tmp_path, dtype="bfloat16")
    assert found == pytest.approx(exact, rel=0.1)
    assert found != exact


@pytest.mark.slow
def test_compiled(made, tmp_path, exact):
    assert losses(made, tmp_path, compile=True) == pytest.approx(exact, rel=1e-3)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_on_a_gpu(made, tmp_path, exact):
    assert losses(made, tmp_path, device="cuda") == pytest.approx(exact, rel=1e-2)
