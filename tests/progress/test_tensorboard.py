import subprocess
import sys
import time

import numpy as np
import pytest

from metroem_core.plugins import check_hooks
from metroem_progress import tensorboard


@pytest.fixture(autouse=True)
def closed(run):
    yield
    tensorboard.metroem_run_finished(run)


def drawn(run):
    """What was written."""
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = reader.EventAccumulator(str(run.folder / "tensorboard"))
    return events.Reload()


def test_its_hooks_are_those_that_there_are():
    check_hooks(tensorboard, "tensorboard")


def test_numbers_are_curves_and_pictures_are_pictures(run):
    pytest.importorskip("tensorboard")
    picture = np.full((4, 6, 3), 7, np.uint8)
    for done in (1, 2):
        values = {"epoch": 1.0, "loss": 0.5 / done, "pair": picture, "words": "no"}
        tensorboard.metroem_progress(run, run.step, done, values)
    tensorboard.metroem_run_finished(run)
    events = drawn(run)
    assert sorted(events.Tags()["scalars"]) == ["0_train/epoch", "0_train/loss"]
    points = [(each.step, each.value) for each in events.Scalars("0_train/loss")]
    assert points == [(1, 0.5), (2, 0.25)]
    (image,) = events.Images("0_train/pair")[:1]
    assert (image.height, image.width) == (4, 6)


def test_what_a_killed_run_drew_too_far_is_drawn_again(run):
    pytest.importorskip("tensorboard")
    for start, value in ((1, 1.0), (3, 2.0)):
        for done in range(start, 6):
            values = {"epoch": 0.0, "loss": value}
            tensorboard.metroem_progress(run, run.step, done, values)
        tensorboard.metroem_run_finished(run)
        time.sleep(1.1)  # files are named by the second
    points = [(each.step, each.value) for each in drawn(run).Scalars("0_train/loss")]
    assert points == [(1, 1), (2, 1), (3, 2), (4, 2), (5, 2)]


def test_steps_that_do_not_train_are_not_drawn(run):
    tensorboard.metroem_progress(run, run.step, 1, {"loss": 0.5})
    assert list(run.folder.iterdir()) == []


def test_without_the_package_nothing_happens(run, monkeypatch, capsys):
    monkeypatch.setattr(tensorboard, "find_spec", lambda name: None)
    tensorboard.metroem_progress(run, run.step, 1, {"epoch": 0.0})
    assert list(run.folder.iterdir()) == []
    assert capsys.readouterr().err == ""


def test_a_package_that_is_broken_is_told_once_and_does_not_stop_the_run(run, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    monkeypatch.setattr(tensorboard, "find_spec", lambda name: True)
    for done in (1, 2):
        tensorboard.metroem_progress(run, run.step, done, {"epoch": 0.0})
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert said[0].startswith("note: tensorboard cannot be written: ModuleNotFoundError")


@pytest.mark.parametrize("name", ["line", "pictures", "tensorboard"])
def test_listeners_are_imported_without_anything_slow(name):
    code = f"import sys, metroem_progress.{name}; print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "numpy", "PIL", "tensorboard", "rich"} & set(said.stdout.split())
