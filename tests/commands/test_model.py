import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result

from metroem_commands.model import model
from metroem_core.cli import main
from metroem_core.module_folder import load_module
from metroem_core.testing import CommandConformance

SPEC = {
    "type": "convblock",
    "arch_desc": {"fms": [2, 4, 2], "k": 3},
}


class TestModel(CommandConformance):
    component = "metroem_commands.model:model"


def run(*words: object) -> Result:
    return CliRunner().invoke(main, ["model", *map(str, words)])


def told(*words: object) -> str:
    """The one line that a mistake is told in."""
    said = run(*words)
    assert said.exit_code == 1, said.output
    assert isinstance(said.exception, SystemExit)
    lines = said.output.strip().splitlines()
    assert len(lines) == 1
    return lines[0]


def layers() -> torch.nn.Module:
    from metroem_networks.scalenet import ScaleNet

    torch.manual_seed(5)
    return ScaleNet(spec=SPEC).build()


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """A module folder as the older programs write it."""
    folder = tmp_path / "older"
    folder.mkdir()
    (folder / "model_spec.json").write_text(json.dumps(SPEC))
    torch.save(layers().state_dict(), folder / "checkpoint.state.pth.tar")
    return folder


@pytest.fixture
def pyramid(tmp_path: Path) -> Path:
    folder = tmp_path / "pyramid"
    assert run("init", folder, "--recipe", "small", "--mips", "2,1").exit_code == 0
    return folder


def facts(folder: Path) -> list[dict[str, Any]]:
    said = run("info", folder, "--json")
    assert said.exit_code == 0, said.output
    return json.loads(said.output)


def same(one: Path, two: Path) -> bool:
    a, b = (load_module(each).network.state_dict() for each in (one, two))
    return a.keys() == b.keys() and all(a[name].equal(b[name]) for name in a)


def test_a_new_pyramid_has_a_module_for_every_mip(pyramid: Path) -> None:
    assert [(Path(each["folder"]).name, each["mip"]) for each in facts(pyramid)] == [
        ("0_mip2in_small", 2),
        ("1_mip1in_small", 1),
    ]


def test_the_same_seed_gives_the_same_weights(pyramid: Path, tmp_path: Path) -> None:
    run("init", tmp_path / "again", "--recipe", "small", "--mips", "2,1")
    run("init", tmp_path / "other", "--recipe", "small", "--mips", "2,1", "--seed", "1")
    assert same(pyramid / "0_mip2in_small", tmp_path / "again" / "0_mip2in_small")
    assert not same(pyramid / "0_mip2in_small", tmp_path / "other" / "0_mip2in_small")
    assert not same(pyramid / "0_mip2in_small", pyramid / "1_mip1in_small")


def test_without_mips_there_is_one_module(tmp_path: Path) -> None:
    assert run("init", tmp_path / "new", "--recipe", "detector").output == f"{tmp_path / 'new'}\n"
    (found,) = facts(tmp_path / "new")
    assert (found["mip"], found["network"], found["sees"]) == (None, "UNet2D", None)
    network = load_module(tmp_path / "new").network
    with torch.no_grad():
        assert network(torch.rand(1, 1, 20, 30)).shape == (1, 2, 20, 30)


@pytest.mark.parametrize("recipe", ["small", "standard"])
def test_a_new_module_moves_little(recipe: str, tmp_path: Path) -> None:
    run("init", tmp_path / "new", "--recipe", recipe, "--mips", "1")
    network = load_module(tmp_path / "new" / f"0_mip1in_{recipe}").network
    with torch.no_grad():
        field, _ = network.predict(torch.rand(1, 2, 32, 32), None, (32, 32))
    assert field.abs().max() < 1


def test_info_tells_nodes_parameters_and_what_matched(older: Path) -> None:
    (found,) = facts(older)
    assert found["nodes"]["Conv2d"] == 2
    assert found["parameters"] == 2 * 4 * 9 + 4 + 4 * 2 * 9 + 2
    assert (found["weights"]["loaded"], found["weights"]["missing"]) == (4, [])
    assert "parameters  150" in run("info", older).output


def test_info_tells_what_is_missing(older: Path) -> None:
    weights = layers().state_dict()
    weights = {name: each for name, each in weights.items() if ".0." not in name}
    torch.save(weights, older / "checkpoint.state.pth.tar")
    (found,) = facts(older)
    assert found["weights"]["missing"] == ["layers.0.weight", "layers.0.bias"]
    assert "missing     layers.0.weight, layers.0.bias" in run("info", older).output


def test_load_copies_every_file_from_here_and_from_a_store(pyramid: Path, tmp_path: Path) -> None:
    for number, source in enumerate((str(pyramid), f"file://{pyramid}")):
        assert run("load", source, tmp_path / f"copy{number}").exit_code == 0
        for path in pyramid.rglob("*.*"):
            copy = tmp_path / f"copy{number}" / path.relative_to(pyramid)
            assert copy.read_bytes() == path.read_bytes()


def test_a_converted_module_has_the_same_weights_and_its_card(older: Path, tmp_path: Path) -> None:
    said = run("convert", older, tmp_path / "new", "--card", "mip=6", "--card", "set=[a, b]")
    assert said.exit_code == 0, said.output
    assert sorted(each.name for each in (tmp_path / "new").iterdir()) == [
        "module.json",
        "weights.safetensors",
    ]
    assert same(older, tmp_path / "new")
    assert facts(tmp_path / "new")[0]["card"] == {"mip": 6, "set": ["a", "b"]}


def test_a_file_of_weights_is_converted_when_its_network_is_named(
    older: Path, tmp_path: Path
) -> None:
    network = json.dumps({"type": "scalenet", "spec": SPEC})
    file = older / "checkpoint.state.pth.tar"
    assert run("convert", file, tmp_path / "new", "--network", network).exit_code == 0
    assert same(older, tmp_path / "new")
    assert "--network" in told("convert", file, tmp_path / "other")


class Bomb:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("words", [("info",), ("convert",)])
def test_nothing_in_a_folder_runs_unless_it_is_trusted(
    words: tuple[str, ...], older: Path, tmp_path: Path
) -> None:
    traces = [tmp_path / name for name in ("pickled", "created")]
    with open(older / "checkpoint.state.pth.tar", "wb") as file:
        pickle.dump({"weights": Bomb(traces[0])}, file)
    (older / "create.py").write_text(f"open({str(traces[1])!r}, 'w')\n")
    after = [tmp_path / "new"] if words == ("convert",) else []
    assert "run" in told(*words, older, *after)
    assert not any(each.exists() for each in traces)


def test_a_trusted_create_py_gives_its_weights(older: Path, tmp_path: Path) -> None:
    (older / "create.py").write_text(
        "import torch\n"
        "def create(**kwargs):\n"
        "    net = torch.nn.Module()\n"
        "    net.layers = torch.nn.Sequential(torch.nn.Conv2d(2, 4, 3), torch.nn.LeakyReLU(),\n"
        "                                     torch.nn.Conv2d(4, 2, 3))\n"
        "    net.load_state_dict(torch.load('checkpoint.state.pth.tar'), strict=False)\n"
        "    return net\n"
    )
    said = run("convert", older, tmp_path / "new", "--trust")
    assert said.exit_code == 0, said.output
    assert same(older, tmp_path / "new")


def test_a_trusted_pickle_of_a_whole_network_gives_its_weights(older: Path, tmp_path: Path) -> None:
    file = older / "checkpoint.state.pth.tar"
    torch.save(layers(), file)
    assert "metroem model convert --trust" in told("convert", older, tmp_path / "new")
    said = run("convert", older, tmp_path / "new", "--trust")
    assert said.exit_code == 0, said.output
    torch.save(layers().state_dict(), file)
    assert same(older, tmp_path / "new")


def test_a_create_py_that_fails_is_told(older: Path, tmp_path: Path) -> None:
    (older / "create.py").write_text("raise RuntimeError('no GPU')\n")
    assert "RuntimeError: no GPU" in told("convert", older, tmp_path / "new", "--trust")
    assert not (tmp_path / "new").exists()


def test_mistakes_are_told_in_one_line(older: Path, pyramid: Path, tmp_path: Path) -> None:
    assert "is no folder" in told("info", tmp_path / "nowhere")
    assert "there is no folder" in told("load", tmp_path / "nowhere", tmp_path / "new")
    assert "has no files" in told("load", f"file://{tmp_path}/nowhere", tmp_path / "new")
    assert "exists" in told("load", older, pyramid)
    assert "exists" in told("convert", older, pyramid)
    assert "exists" in told("init", pyramid, "--mips", "1")
    assert "Did you mean 'small'?" in told(
        "init", tmp_path / "x", "--mips", "1", "--recipe", "smal"
    )
    assert "from coarse to fine" in told("init", tmp_path / "x", "--mips", "1,2")
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("init", "x", "--mips", "one"),
        ("convert", "x", "y", "--card", "mip"),
        ("convert", "x", "y", "--network", "{oops"),
    ],
)
def test_wrong_flags_end_with_2(words: tuple[str, ...]) -> None:
    assert run(*words).exit_code == 2


def test_every_command_has_an_example() -> None:
    for command in model.commands.values():
        assert "Example" in CliRunner().invoke(command, ["--help"]).output
