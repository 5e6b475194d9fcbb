"""`metroem history`: the chain of trainings that led to weights."""

import hashlib
import json

import pytest
from click.testing import CliRunner

from metroem_core.cli import main
from metroem_core.testing import CommandConformance

NEW = {"path": None, "sha256": None}


class TestHistory(CommandConformance):
    component = "metroem_commands.history:history"


def metroem(*words, status=0):
    result = CliRunner().invoke(main, ["history", *map(str, words)])
    assert result.exit_code == status, result.output
    return result.output.splitlines()


@pytest.fixture
def trained(tmp_path):
    """A function that trains a module, as its folder tells: with other weights, and a record."""

    def trained(folder, parent=NEW, file="weights.safetensors", **changes):
        path = tmp_path / folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{folder} {changes}")
        sha = hashlib.sha256(path.read_bytes()).hexdigest()
        objective = {"type": "plain", "weight": 15.0, "similarity": {"type": "mse"}}
        record = {
            "name": "checkpoint",
            "sha256": sha,
            "parent": parent,
            "data": "/sets/pairs",
            "stage": 0,
            "mip": 6,
            "phases": [{"objective": objective, "lr": 3e-5, "epochs": 100}],
            "started": "2026-01-01T10:00:00+00:00",
            "seconds": 4000.4,
            "versions": {"torch": "2.4"},
            "best": {"phase": 0, "epoch": 7, "loss": 0.125},
            **changes,
        }
        history = tmp_path / folder / "training/history.json"
        history.parent.mkdir(exist_ok=True)
        known = json.loads(history.read_text()) if history.exists() else []
        history.write_text(json.dumps([*known, record]))
        return {"path": str(path), "sha256": sha}

    return trained


def test_a_training_from_new_weights_is_told_with_its_settings(trained, tmp_path):
    trained("module")
    assert metroem(tmp_path / "module") == [
        str(tmp_path / "module"),
        "  begins with new weights",
        "  2026-01-01T10:00:00+00:00 checkpoint, stage 0, mip 6, 1:06:40, "
        "best validation 0.125 (phase 0, epoch 7)",
        "    data: /sets/pairs",
        "    phases[0]: plain, weight 15, lr 3e-05, 100 epochs",
    ]


def test_parents_come_first_and_then_what_changed(trained, tmp_path):
    first = trained("first")
    other = {"objective": {"type": "metric", "weight": 25.0}, "lr": 1e-5, "epochs": 500}
    second = trained("second", first, phases=[other], started="2026-01-02")
    trained("third", second, phases=[other, other], data="/sets/others", started="2026-01-03")
    said = metroem(tmp_path / "third")
    assert [line.split()[0] for line in said if line[2:6] == "2026"] == [
        "2026-01-01T10:00:00+00:00",
        "2026-01-02",
        "2026-01-03",
    ]
    assert said[1] == "  begins with new weights"
    assert said[6:11] == [
        "    phases[0].objective.type: plain -> metric",
        "    phases[0].objective.weight: 15.0 -> 25.0",
        '    phases[0].objective.similarity: {"type": "mse"} -> null',
        "    phases[0].lr: 3e-05 -> 1e-05",
        "    phases[0].epochs: 100 -> 500",
    ]
    assert said[12] == "    data: /sets/pairs -> /sets/others"
    assert said[13].startswith('    phases[1]: null -> {"objective": {"type": "metric"')
    assert said[13].endswith("...")


def test_a_module_trained_in_place_knows_its_own_past(trained, tmp_path):
    parent = NEW
    for number in range(3):
        parent = trained("module", parent, name=f"try{number}")
    (chain,) = json.loads("\n".join(metroem(tmp_path / "module", "--json")))
    assert [each["name"] for each in chain["checkpoints"]] == ["try0", "try1", "try2"]
    assert [each["changes"] for each in chain["checkpoints"]] == [
        [],
        ["name: try0 -> try1"],
        ["name: try1 -> try2"],
    ]
    assert chain["begins_with"] == "new weights"


def test_a_file_of_weights_is_known_by_its_contents(trained, tmp_path):
    old = "model/{}.state.pth.tar"
    first = trained("module", NEW, old.format("one"), name="one")
    trained("module", first, old.format("two"), name="two")
    assert "one" in metroem(tmp_path / "module" / old.format("one"))[2]
    assert len(metroem(tmp_path / "module" / old.format("one"))) == 5
    assert metroem(tmp_path / "module" / old.format("two"))[-1] == "    name: one -> two"


def test_where_the_chain_breaks_is_told(trained, tmp_path):
    parent = trained("first")
    trained("second", parent)
    first = tmp_path / "first/weights.safetensors"
    (tmp_path / "first/training/history.json").unlink()
    begin = f"  begins with {first}"
    assert metroem(tmp_path / "second")[1] == f"{begin}, of which nothing is known"
    first.write_text("something else")
    assert metroem(tmp_path / "second")[1] == (
        f"  begins with what was in {first} then, of which nothing is known"
    )
    first.unlink()
    assert metroem(tmp_path / "second")[1] == f"{begin}, which is not at hand any more"


def test_a_chain_that_bites_its_tail_ends(trained, tmp_path):
    trained("module", {"path": "elsewhere", "sha256": "b"}, sha256="a")
    trained("module", {"path": "elsewhere", "sha256": "a"}, sha256="b")
    assert len([line for line in metroem(tmp_path / "module") if line[2:6] == "2026"]) == 2


def test_a_pyramid_tells_of_all_its_modules(trained, tmp_path):
    trained("pyramid/0_mip6in_coarse")
    (tmp_path / "pyramid/1_mip4in_fine").mkdir()
    said = metroem(tmp_path / "pyramid")
    assert said[0] == str(tmp_path / "pyramid/0_mip6in_coarse")
    assert said[-2:] == [
        str(tmp_path / "pyramid/1_mip4in_fine"),
        "  begins with weights without a history: `metroem train` did not make them",
    ]


def test_what_is_no_history_is_one_line(trained, tmp_path):
    trained("module")
    history = tmp_path / "module/training/history.json"
    for text in ("[{", '[{"name": "a"}]', "3"):
        history.write_text(text)
        (line,) = metroem(tmp_path / "module", status=1)
        assert line == f"Error: {history} is no history of a training. Mend it, or remove it"
    (line,) = metroem(tmp_path / "nothing", status=1)
    assert line == f"Error: no such file or folder: {tmp_path / 'nothing'}"


def test_a_folder_that_is_no_module_has_no_history(tmp_path):
    assert "is no module folder" in metroem(tmp_path, status=1)[0]
