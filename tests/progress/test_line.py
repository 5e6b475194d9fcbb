import io

import pytest

from metroem_core.plugins import check_hooks
from metroem_progress import line
from metroem_progress.bar import Bars

ENDED = {
    "stage": 0.0,
    "phase": 1.0,
    "epoch": 3.0,
    "loss": 0.50001,
    "similarity": 9.0,
    "smoothness": 9.0,
    "magnitude": 9.0,
    "val_loss": 0.25,
    "val_similarity": 0.125,
    "val_smoothness": 0.0025,
    "val_magnitude": 1.5,
    "samples_per_s": 3.0,
    "seconds": 12.34,
}
LINE = (
    "stage 0, phase 1, epoch 3: train loss 0.5, validation 0.25, vectors 1.5 px, "
    "smoothness 0.0025, similarity 0.125, 12.3 s"
)


def test_its_hooks_are_those_that_there_are():
    check_hooks(line, "line")


def test_an_epoch_that_ended_is_one_line_on_stderr_and_in_a_file(run, tmp_path, capsys):
    for epoch in (3.0, 4.0):
        line.metroem_progress(run, {**ENDED, "epoch": epoch})
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [LINE, LINE.replace("epoch 3", "epoch 4")]
    assert (tmp_path / "epochs.log").read_text() == said.err


def test_without_validation_the_parts_are_those_of_training():
    values = {name: value for name, value in ENDED.items() if not name.startswith("val_")}
    assert line.line(values).endswith("smoothness 9, similarity 9, 12.3 s")


def test_before_the_first_step_there_is_no_training_loss():
    assert line.line({"epoch": 0.0, "val_loss": 1.0, "seconds": 2}) == (
        "epoch 0: validation 1, 2.0 s"
    )


@pytest.mark.parametrize("values", [{}, {"epoch": 1.0, "loss": 2.0}, {"seconds": 1.0}])
def test_what_does_not_end_an_epoch_is_not_said(run, values, tmp_path, capsys):
    line.metroem_progress(run, values)
    assert capsys.readouterr().err == ""
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_does_not_stop_the_run(run, tmp_path, capsys):
    run.folder = tmp_path / "missing"
    for _ in range(2):
        line.metroem_progress(run, ENDED)
    said = capsys.readouterr().err.splitlines()
    assert [said[0], said[2]] == [LINE, LINE]
    assert said[1].startswith("note: epochs.log cannot be written: No such file or directory")
    assert len(said) == 3


def test_lines_stand_above_a_bar_that_is_drawn(run, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "140")
    bars = Bars()
    bars.begin("step 0 (train)")
    bars.move(1, 8, "loss 0.5")
    bars.progress.refresh()
    line.metroem_progress(run, ENDED)
    bars.end("done")
    shown = terminal.getvalue()
    before, after = shown.split(LINE)
    assert before.endswith("\r\x1b[2K")  # the line of the bar is wiped first
    assert after.startswith("\n")
    assert "1/8" in after  # and drawn again below
