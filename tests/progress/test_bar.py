import io

import pytest

from metroem_core.readable import duration
from metroem_core.shard import Unfinished
from metroem_progress import bar
from metroem_progress.bar import Bars, Lines, ended


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test sets."""

    class Clock:
        now = 0.0

        def monotonic(self):
            return self.now

    monkeypatch.setattr(bar, "time", Clock())
    return bar.time


def test_lines_come_when_they_are_due_with_rate_and_time_left(clock, capsys):
    lines = Lines(every=10)
    lines.begin("step 0 (curate)")
    for now, done in ((1, 1), (11, 5), (12, 6), (22, 11)):
        clock.now = now
        lines.move(done, 100, "loss 0.5")
    clock.now = 90
    lines.end("done")
    assert capsys.readouterr().err.splitlines() == [
        "step 0 (curate): 5 of 100, 0.455/s, 3 min 29 s left  loss 0.5",
        "step 0 (curate): 11 of 100, 0.5/s, 2 min 58 s left  loss 0.5",
        "step 0 (curate): done after 1 min 30 s",
    ]


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (None, "done"),
        (Unfinished("3 of 9 tasks are left"), "slice done"),
        (KeyboardInterrupt(), "stopped"),
        (ValueError(), "failed"),
    ],
)
def test_a_step_ends_in_one_of_four_ways(error, word):
    assert ended(error) == word


def test_bars_show_count_and_values_in_a_terminal(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    bars = Bars()
    bars.begin("step 0 (curate)")
    bars.move(3, 8, "loss 0.5")
    bars.end("done")
    shown = terminal.getvalue()
    assert "3/8" in shown
    assert "loss 0.5" in shown
    assert shown.endswith("step 0 (curate): done after 0 s\n")


def test_durations_are_for_people():
    assert [duration(each) for each in (0.4, 59.6, 90, 7500)] == [
        "0 s",
        "1 min 0 s",
        "1 min 30 s",
        "2 h 5 min",
    ]
