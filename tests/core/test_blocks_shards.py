"""Slices of a run, and how far it is."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from metroem_core.cli import main
from metroem_core.errors import UserError
from metroem_core.run import load
from metroem_core.shard import Shard, alone, disturb

TOY = Path(__file__).with_name("toy_work.py")
SQUARES = {"type": "squares"}
SIMPLE = {"type": "simple", "what": "sum.txt"}

slices = st.integers(1, 9).flatmap(
    lambda count: st.builds(Shard, st.integers(1, count), st.just(count))
)


@given(st.lists(st.integers()), st.integers(1, 9))
def test_slices_share_out_everything_once(tasks, count):
    parts = [Shard(index, count).slice(tasks) for index in range(1, count + 1)]
    assert sorted(each for part in parts for each in part) == sorted(tasks)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@given(st.none() | slices, st.none() | slices)
def test_slices_disturb_each_other_unless_they_are_others_of_the_same_number(a, b):
    apart = a is not None and b is not None and a.count == b.count and a.index != b.index
    assert disturb(a, b) == disturb(b, a) == (not apart)


@given(slices)
def test_a_slice_is_read_as_it_is_written(shard):
    assert Shard.of(str(shard)) == shard


@pytest.mark.parametrize("text", ["0/4", "5/4", "1/0", "1", "a/b", "-1/4", "1/4/2", ""])
def test_what_is_no_slice_is_refused(text):
    with pytest.raises(ValueError, match="is no slice: write 1/8"):
        Shard.of(text)


def test_who_disturbs_is_kept_out_of_a_folder(tmp_path):
    with alone(tmp_path, Shard(1, 2)), alone(tmp_path, Shard(2, 2)):
        for other in (None, Shard(1, 2), Shard(2, 3)):
            with pytest.raises(UserError, match=r"in use by process \d+ on .* \(shard [12]/2\)"):
                alone(tmp_path, other).__enter__()
    with alone(tmp_path), pytest.raises(UserError, match="in use by process"):
        alone(tmp_path, Shard(1, 2)).__enter__()
    with alone(tmp_path, Shard(2, 3)):
        pass


@pytest.fixture
def spec(tmp_path):
    """A function that writes a spec of steps to a file."""

    def spec(*steps):
        path = tmp_path / "spec.json"
        path.write_text(json.dumps({"steps": steps}))
        return path

    return spec


def run(spec, *arguments):
    """What ``metroem run`` says, and its exit status."""
    command = ["run", str(spec), "--plugin", str(TOY), "--out", str(spec.parent / "run")]
    done = CliRunner().invoke(main, [*command, *arguments], prog_name="metroem")
    return done.output, done.exit_code


def start(spec, *arguments):
    command = [sys.executable, "-m", "metroem_core.cli", "run", str(spec), "--plugin", str(TOY)]
    return subprocess.Popen(
        [*command, "--out", str(spec.parent / "run"), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def begun(spec):
    return (spec.parent / "run/sum.txt.part/diary").read_text().split()


def test_slices_side_by_side_and_then_the_rest_are_as_one_run(spec, tmp_path):
    path = spec({**SQUARES, "count": 30, "pause": 0.02}, SIMPLE)
    processes = [start(path, "--shard", f"{index}/3") for index in (1, 2, 3)]
    for process in processes:
        told, trouble = process.communicate(timeout=60)
        assert process.returncode == 0, trouble
        assert "step 0 (squares): the slice is done" in told
    assert not (tmp_path / "run/sum.txt").exists()
    assert sorted(begun(path)) == sorted(f"task{n}" for n in range(30))

    _, status = run(path)
    assert status == 0
    assert len(begun(path)) == 30
    assert not (tmp_path / "run/sum.txt.part/twice").exists()
    for name in ("sum.txt", "copy.txt"):
        assert (tmp_path / "run" / name).read_text() == str(sum(n**2 for n in range(30)))


def test_a_slice_that_was_killed_is_started_again_for_the_rest(spec):
    path = spec({**SQUARES, "pause": 0.05})
    process = start(path, "--shard", "1/2")
    markers = path.parent / "run/sum.txt.part/ledger"
    while len(list(markers.glob("*.done"))) < 2:
        assert process.poll() is None
        time.sleep(0.005)
    process.kill()
    process.communicate()
    assert "0 of 12 tasks are left" in [run(path, "--shard", f"{i}/2")[0] for i in (1, 2)][1]
    assert not (path.parent / "run/sum.txt.part/twice").exists()


def test_while_slices_work_a_whole_run_is_kept_out(spec):
    path = spec(SQUARES)
    with alone(path.parent / "run", Shard(1, 2)):
        told, status = run(path)
        assert (status, "in use by process" in told) == (1, True)
        assert run(path, "--shard", "2/2")[1] == 0


def test_a_failure_in_a_slice_ends_it_with_the_list_when_the_rest_is_done(spec):
    path = spec({**SQUARES, "fail": "task2"})
    told, status = run(path, "--shard", "1/2")
    assert status == 1
    assert "1 of 6 tasks failed; the others are done:\ntask2: the file is not there" in told
    assert len(list(path.parent.glob("run/sum.txt.part/ledger/*.done"))) == 5


def test_a_step_without_tasks_is_not_done_in_slices(spec, tmp_path):
    (tmp_path / "note.txt").write_text("a note")
    path = spec({**SIMPLE, "what": "note.txt"}, SQUARES)
    told, status = run(path, "--shard", "1/2")
    assert status == 1
    assert "step 0 (simple): it has no tasks that slices could share. Do it first" in told
    assert not (tmp_path / "run/copy.txt").exists()
    run(path, "--step", "0")
    assert run(path, "--shard", "1/2")[1] == 0


def test_a_slice_of_what_is_up_to_date_is_nothing(spec):
    path = spec(SQUARES)
    run(path)
    assert run(path, "--shard", "1/2")[1] == 0
    assert len(begun(path)) == 12


def test_slices_of_another_work_do_not_trust_its_markers(spec, tmp_path):
    path = spec({**SQUARES, "count": 6})
    run(path, "--shard", "1/2")
    path = spec({**SQUARES, "count": 6, "to": "sum.txt", "pause": 0.01})
    run(path, "--shard", "1/2")
    assert len(begun(path)) == 3, "the pause makes no difference"
    path = spec({**SQUARES, "count": 7})
    run(path, "--shard", "2/2")
    assert sorted(begun(path)[3:]) == ["task1", "task3", "task5"]
    run(path)
    assert (tmp_path / "run/sum.txt").read_text() == str(sum(n**2 for n in range(7)))


def test_shard_must_be_a_slice(spec):
    told, status = run(spec(SQUARES), "--shard", "5/4")
    assert status == 2
    assert "'5/4' is no slice: write 1/8 for the first of eight" in told


def test_the_status_tells_what_is_done_what_failed_and_what_is_left(spec):
    path = spec({**SQUARES, "fail": "task2"}, SIMPLE)
    assert run(path, "--status")[0].splitlines() == [
        "step 0 (squares): to do, not done yet",
        "step 1 (simple): to do, step 0 (squares) makes what it reads",
    ]
    run(path, "--shard", "1/2")
    told, status = run(path, "--status")
    assert told.splitlines()[1] == "  5 done, 1 failed, 6 left of 12 tasks"
    assert status == 0
    path = spec({**SQUARES, "fail": "task2", "count": 13}, SIMPLE)
    assert run(path, "--status")[0].splitlines()[1] == (
        "  5 done, 1 failed, 6 left of 12 tasks; all are to be done again: count was 12, is 13"
    )
    path = spec(SQUARES, SIMPLE)
    run(path)
    assert run(path, "--status")[0].splitlines() == [
        "step 0 (squares): skipped, up to date",
        "step 1 (simple): skipped, up to date",
    ]


def test_the_status_of_a_run_folder_that_was_moved_is_the_same(spec, tmp_path):
    path = spec(SQUARES)
    run(path, "--shard", "1/2")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run").rename(tmp_path / "elsewhere/run")
    moved = tmp_path / "elsewhere/spec.json"
    moved.write_text(path.read_text())
    assert "6 done, 0 failed, 6 left of 12 tasks" in run(moved, "--status")[0]


def test_stale_work_is_said_with_the_reason(spec, caplog):
    path = spec(SQUARES)
    run(path, "--shard", "1/2")
    changed = spec({**SQUARES, "count": 14})
    run(changed)
    told = [each for each in caplog.messages if "done again" in each]
    assert len(told) == 1
    assert told[0].startswith("6 of 14 tasks that were done are done again: count was 12, is 14")


def test_a_run_in_python_says_what_a_slice_leaves(spec, tmp_path):
    loaded = load(spec(SQUARES), out=tmp_path / "run", plugin_files=[TOY])
    left = loaded.run(shard=Shard(1, 2))
    assert left == "step 0 (squares): the slice is done, 6 of 12 tasks are left"
    assert loaded.run() is None
