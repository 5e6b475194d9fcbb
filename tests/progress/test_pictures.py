import numpy as np
from PIL import Image

from metroem_core.plugins import check_hooks
from metroem_progress import pictures


def picture(value=7):
    return np.full((4, 6, 3), value, np.uint8)


def kept(run):
    return sorted(path.name for path in (run.folder / "pictures/0_train").iterdir())


def test_its_hooks_are_those_that_there_are():
    check_hooks(pictures, "pictures")


def test_pictures_are_kept_by_step_name_and_number_and_numbers_are_not(run):
    values = {"pair": picture(), "of/field": picture(9), "loss": 0.5, "map": np.zeros((4, 6))}
    pictures.metroem_progress(run, run.step, 12, values)
    assert kept(run) == ["of_field-00000012.png", "pair-00000012.png"]
    shown = np.asarray(Image.open(run.folder / "pictures/0_train/pair-00000012.png"))
    assert (shown == picture()).all()


def test_a_step_without_pictures_leaves_no_folder(run):
    pictures.metroem_progress(run, run.step, 1, {"loss": 0.5})
    assert list(run.folder.iterdir()) == []


def test_there_are_never_too_many_and_the_first_and_the_last_stay(run, monkeypatch):
    monkeypatch.setattr(pictures, "MOST", 8)
    counts = []
    for number in range(100):
        values = {"pair": picture(), "pair-small": picture()}
        pictures.metroem_progress(run, run.step, number, values)
        names = [name for name in kept(run) if name.startswith("pair-0")]
        counts.append(len(names))
        assert (names[0], names[-1]) == ("pair-00000000.png", f"pair-{number:08}.png")
    assert max(counts) == 8
    assert counts[-1] >= 4
    assert len(kept(run)) == 2 * counts[-1]


def test_a_picture_that_cannot_be_written_does_not_stop_the_run(run, capsys):
    (run.folder / "pictures").write_text("in the way")
    for number in range(2):
        pictures.metroem_progress(run, run.step, number, {"pair": picture()})
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert said[0].startswith("note: pictures cannot be written: ")
