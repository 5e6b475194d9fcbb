import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from metroem_core import hookimpl
from metroem_core.errors import UserError
from metroem_core.files import alone, state, whole
from metroem_core.plugins import components
from metroem_core.record import Record
from metroem_core.run import load

TOYS = Path(__file__).with_name("toy_steps.py")


@pytest.fixture
def chain(tmp_path):
    """A function that loads two steps, of which the second reads what the first writes."""

    def chain(first=None, second=None, **choices):
        steps = [
            {"type": "write", "diary": str(tmp_path / "diary"), "to": "a.txt", **(first or {})},
            {
                "type": "write",
                "diary": str(tmp_path / "diary"),
                "after": "a.txt",
                "to": "b.txt",
                **(second or {}),
            },
        ]
        return load({"steps": steps}, out=tmp_path / "run", plugin_files=[TOYS], **choices)

    return chain


def diary(tmp_path):
    return (tmp_path / "diary").read_text().split()


def whys(run):
    return [(each.todo, each.why) for each in run.decide()]


class Listener:
    """Notes every hook that is called."""

    def __init__(self):
        self.heard = []

    @hookimpl
    def metroem_run_started(self, run):
        self.heard.append(("run started", [each.todo for each in run.decisions]))

    @hookimpl
    def metroem_before_step(self, run, step):
        self.heard.append(("before", step.to[-5:]))

    @hookimpl
    def metroem_progress(self, run, step, done, total, values):
        self.heard.append(("progress", done, total, values))

    @hookimpl
    def metroem_after_step(self, run, step, error):
        self.heard.append(("after", step.to[-5:], type(error)))

    @hookimpl
    def metroem_run_finished(self, run, error):
        self.heard.append(("run finished", type(error)))


@pytest.fixture
def listener(monkeypatch):
    from metroem_core import plugins

    ears, manager = Listener(), plugins._manager

    def with_ears():
        made = manager()
        made.register(ears)
        return made

    monkeypatch.setattr(plugins, "_manager", with_ears)
    return ears


def test_steps_run_in_order_and_leave_their_results(chain, tmp_path):
    chain().run()
    assert (tmp_path / "run/b.txt").read_text() == "0\n1\n2\n0\n1\n2\n"
    assert diary(tmp_path) == ["a.txt", "b.txt"]


def test_a_second_start_does_nothing(chain, tmp_path):
    chain().run()
    assert whys(chain()) == [(False, "up to date"), (False, "up to date")]
    chain().run()
    assert diary(tmp_path) == ["a.txt", "b.txt"]


def test_a_changed_parameter_redoes_a_step_and_what_reads_it(chain, tmp_path):
    chain().run()
    changed = chain(first={"lines": 2})
    assert whys(changed) == [
        (True, "lines was 3, is 2"),
        (True, "step 0 (write) makes what it reads"),
    ]
    changed.run()
    assert (tmp_path / "run/b.txt").read_text() == "0\n1\n0\n1\n2\n"


def test_a_changed_value_in_a_list_is_told_with_its_place(tmp_path):
    def made_of(stiffness):
        aligner = ["block_match", {"type": "optimise", "stiffness": stiffness}]
        step = {"type": "align_pair", "image": "synthetic", "z": 20, "aligner": aligner}
        return load({"steps": [step]}, out=tmp_path).decide()[0].account

    before, now = made_of(8.0), made_of(9.0)
    (tmp_path / "pair").mkdir()
    record = Record.of(tmp_path, before)
    record.finish("pair", before, record.made_from(before), 1.0)
    assert record.why("pair", before) is None
    assert record.why("pair", now) == "aligner.aligners[1].stiffness was 8.0, is 9.0"


def test_a_change_further_down_leaves_what_is_before_it_alone(chain, tmp_path):
    chain().run()
    chain(second={"lines": 1}).run()
    assert diary(tmp_path) == ["a.txt", "b.txt", "b.txt"]


def test_a_changed_input_redoes_a_step(chain, tmp_path):
    (tmp_path / "text").write_text("one\n")
    first = {"after": str(tmp_path / "text")}
    chain(first=first).run()
    (tmp_path / "text").write_text("other\n")
    assert whys(chain(first=first))[0] == (True, f"{tmp_path}/text changed")


def test_a_missing_result_is_made_again(chain, tmp_path):
    chain().run()
    (tmp_path / "run/b.txt").unlink()
    assert whys(chain())[1] == (True, f"its result {tmp_path}/run/b.txt is missing")


def test_new_code_of_a_component_redoes_its_steps(tmp_path):
    toys = tmp_path / "fresh_toys.py"
    toys.write_text(TOYS.read_text())
    spec = {"steps": [{"type": "write"}]}
    load(spec, out=tmp_path / "run", plugin_files=[toys]).run()
    toys.write_text(TOYS.read_text() + "\n# changed\n")
    again = load(spec, out=tmp_path / "run", plugin_files=[toys])
    assert whys(again) == [(True, "the code of step here:write changed")]


def test_a_run_folder_can_be_moved(tmp_path):
    spec = {"steps": [{"type": "write", "to": "a"}, {"type": "write", "after": "a", "to": "b"}]}
    load(spec, out=tmp_path / "here", plugin_files=[TOYS]).run()
    (tmp_path / "here").rename(tmp_path / "there")
    moved = load(spec, out=tmp_path / "there", plugin_files=[TOYS])
    assert whys(moved) == [(False, "up to date"), (False, "up to date")]


def test_going_back_to_old_parameters_after_a_stop_does_not_trust_new_results(chain, tmp_path):
    chain().run()
    with pytest.raises(UserError):
        chain(first={"lines": 1, "fail": "stop"}).run()
    assert whys(chain())[0] == (True, "not done yet")


def test_single_steps_are_chosen_by_name_or_number(chain, tmp_path):
    chain().run(["0"])
    assert diary(tmp_path) == ["a.txt"]
    chain().run(["write"])
    assert diary(tmp_path) == ["a.txt", "b.txt"]


def test_a_step_is_refused_before_the_one_it_needs(chain):
    with pytest.raises(UserError, match=r"step 1 \(write\): .*a.txt is missing. step 0 \(write\)"):
        chain().run(["1"])


def test_an_unknown_step_is_answered_with_a_near_one(chain):
    with pytest.raises(UserError, match="no step 'wriet'. Did you mean 'write'"):
        chain().run(["wriet"])


def test_the_record_says_what_was_used(chain, tmp_path):
    chain().run()
    record = json.loads((tmp_path / "run/run.json").read_text())
    assert record["spec"]["steps"][1]["after"] == "${RUN}/a.txt"
    assert record["spec"]["steps"][0]["pause"] == 0.0
    made_from = record["finished"]["${RUN}/a.txt"]["made_from"]
    assert list(made_from["components"]) == ["step here:write"]
    assert record["components"][0]["dist"] == "here"
    assert record["packages"]["torch"]


def test_everybody_hears_everything_in_order(chain, listener):
    chain(first={"lines": 1}, second={"lines": 1}).run()
    assert listener.heard == [
        ("run started", [True, True]),
        ("before", "a.txt"),
        ("progress", 1, 1, {"line": 0.0}),
        ("after", "a.txt", type(None)),
        ("before", "b.txt"),
        ("progress", 1, 1, {"line": 0.0}),
        ("after", "b.txt", type(None)),
        ("run finished", type(None)),
    ]


def test_listeners_are_told_of_a_failure_and_the_rest_is_not_begun(chain, listener):
    with pytest.raises(UserError, match=r"step 0 \(write\): no luck"):
        chain(first={"fail": "no luck"}).run()
    assert listener.heard[1:] == [
        ("before", "a.txt"),
        ("after", "a.txt", UserError),
        ("run finished", UserError),
    ]


def test_a_full_disk_is_told_in_one_line(chain):
    with pytest.raises(UserError, match=r"step 0 \(write\): the disk is full.*start again"):
        chain(first={"fail": "disk"}).run()


def test_a_full_disk_under_the_log_names_the_listener(chain, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/log.jsonl").symlink_to("/dev/full")
    with pytest.raises(UserError, match="the listener jsonl of metroem-core .* the disk is full"):
        chain().run()
    assert not (tmp_path / "run/a.txt").exists()


def test_all_listeners_are_told_even_when_one_fails(chain, listener, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/log.jsonl").symlink_to("/dev/full")
    with pytest.raises(UserError):
        chain().run()
    assert [heard[0] for heard in listener.heard] == ["run started", "run finished"]


def test_a_step_that_breaks_is_named_and_its_traceback_kept(chain, tmp_path):
    with pytest.raises(UserError, match="failed: ZeroDivisionError: a bug.*traceback.txt"):
        chain(first={"fail": "bug"}).run()
    assert "in run" in (tmp_path / "run/traceback.txt").read_text()


def test_a_result_that_another_step_overwrote_is_not_taken_for_its_own(tmp_path):
    def run(**step):
        steps = {"steps": [{"type": "write", "to": "a", **step}]}
        loaded = load(steps, out=tmp_path, plugin_files=[TOYS])
        loaded.run()
        return loaded.decisions[0].todo

    assert run(lines=1)
    assert run(lines=2)
    assert run(lines=1)
    assert not run(lines=1)
    assert (tmp_path / "a").read_text() == "0\n"


def test_a_change_deep_in_an_input_folder_is_noticed(chain, tmp_path):
    deep = tmp_path / "data/deep"
    deep.mkdir(parents=True)
    (deep / "text").write_text("one")
    before = state(str(tmp_path / "data"))
    (deep / "text").write_text("other")
    assert state(str(tmp_path / "data")) != before
    assert state(f"file://{tmp_path}/data") == state(str(tmp_path / "data"))
    assert state("gs://bucket/data") == "a URL"


def test_what_a_killed_replacement_left_behind_is_removed(tmp_path):
    for word in ("part", "old"):
        (tmp_path / f".folder.{word}").mkdir()
    with whole(tmp_path / "folder") as part:
        part.mkdir()
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]


def test_a_folder_may_replace_a_file(tmp_path):
    (tmp_path / "result").write_text("old")
    with whole(tmp_path / "result") as part:
        part.mkdir()
    assert (tmp_path / "result").is_dir()


def test_a_folder_that_is_no_run_is_left_alone(chain, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/run.json").write_text("[]")
    with pytest.raises(UserError, match=r"run\.json is not the record of a run"):
        chain().run()


def test_two_runs_do_not_share_a_folder(chain, tmp_path):
    with (
        alone(tmp_path / "run"),
        pytest.raises(UserError, match=rf"in use by process {os.getpid()} on .*--out"),
    ):
        chain().run()
    chain().run()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import no_such_module", "ModuleNotFoundError"),
        ("raise SystemExit(0)", "SystemExit: 0"),
        ("raise ImportError('one\\ntwo')", "ImportError: one two"),
    ],
)
def test_a_plugin_file_that_fails_is_named(tmp_path, text, said):
    bad = tmp_path / "bad.py"
    bad.write_text(text)
    with pytest.raises(UserError, match=rf"bad\.py failed: {said}"):
        components([bad])


def test_two_plugin_files_of_one_name_are_two_plugins(tmp_path):
    for name in ("one", "two"):
        text = TOYS.read_text().replace('"write"', f'"{name}"')
        (tmp_path / name).mkdir()
        (tmp_path / name / "same.py").write_text(text)
    files = [tmp_path / "one/same.py", tmp_path / "two/same.py", tmp_path / "one/same.py"]
    assert {"one", "two"} <= set(components(files).names("step"))


def test_a_plugin_file_without_hooks_is_refused(tmp_path):
    empty = tmp_path / "empty.py"
    empty.write_text("x = 1\n")
    with pytest.raises(UserError, match="implements no hook"):
        components([empty])


def test_a_misspelt_hook_is_refused(tmp_path):
    odd = tmp_path / "odd.py"
    odd.write_text(
        "from metroem_core import hookimpl\n@hookimpl\ndef metroem_before_stap(run): ...\n"
    )
    with pytest.raises(UserError, match="misuses a hook.*metroem_before_stap"):
        components([odd])


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    def write_half():
        with whole(path) as part:
            part.write_text("half")
            raise KeyError

    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(KeyError):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "folder"
    for text in ("old", "new"):
        with whole(path) as part:
            part.mkdir()
            (part / text).write_text(text)
    assert [each.name for each in path.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [path]


def start(spec, out):
    command = [sys.executable, "-m", "metroem_core.cli", "run", str(spec), "--out", str(out)]
    return subprocess.Popen(
        [*command, "--plugin", str(TOYS)], stderr=subprocess.PIPE, start_new_session=True
    )


def wait_for(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


@pytest.fixture
def slow_spec(tmp_path):
    """Three steps of which the second takes half a second."""
    diary = str(tmp_path / "diary")
    steps = [
        {"type": "write", "to": "a.txt", "diary": diary},
        {
            "type": "write",
            "to": "b.txt",
            "diary": diary,
            "after": "a.txt",
            "pause": 0.1,
            "lines": 5,
        },
        {"type": "write", "to": "c.txt", "diary": diary, "after": "b.txt"},
    ]
    path = tmp_path / "slow.json"
    path.write_text(json.dumps({"steps": steps}))
    return path


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_goes_on_with_the_same_results(tmp_path, slow_spec, end):
    whole_run, broken_run = tmp_path / "whole", tmp_path / "broken"
    assert start(slow_spec, whole_run).wait() == 0
    (tmp_path / "diary").unlink()

    first = start(slow_spec, broken_run)
    wait_for(lambda: (broken_run / ".b.txt.part").exists())
    os.killpg(first.pid, end)
    said = first.communicate()[1].decode()
    assert first.returncode == (-9 if end == signal.SIGKILL else 130)
    if end != signal.SIGKILL:
        assert "The same command goes on from here" in said
        assert "Traceback" not in said

    assert start(slow_spec, broken_run).wait() == 0
    assert diary(tmp_path) == ["a.txt", "b.txt", "b.txt", "c.txt"]
    for name in ("a.txt", "b.txt", "c.txt"):
        assert (broken_run / name).read_bytes() == (whole_run / name).read_bytes()
    assert not list(broken_run.glob(".*.part"))
    for line in (broken_run / "log.jsonl").read_text().splitlines():
        json.loads(line)


def test_a_second_process_is_kept_out_of_the_folder(tmp_path, slow_spec):
    with alone(tmp_path / "run"):
        second = start(slow_spec, tmp_path / "run")
        said = second.communicate()[1].decode()
    assert second.returncode == 1
    assert f"in use by process {os.getpid()}" in said
    assert start(slow_spec, tmp_path / "run").wait() == 0
