import json
import math
from types import SimpleNamespace

import numpy as np
import pytest

from metroem_progress import jsonl


@pytest.fixture
def run(tmp_path):
    step = object()
    decisions = ["step 0 (toy): to do, not done yet"]
    return SimpleNamespace(
        folder=tmp_path, decisions=decisions, spec=SimpleNamespace(steps=(step,))
    )


def lines(run):
    return [json.loads(line) for line in (run.folder / "log.jsonl").read_text().splitlines()]


def test_every_event_is_one_line(run):
    step = run.spec.steps[0]
    jsonl.metroem_run_started(run)
    jsonl.metroem_before_step(run, step)
    jsonl.metroem_progress(run, step, 1, 2, {"loss": 0.5})
    jsonl.metroem_after_step(run, step, ValueError("no luck"))
    jsonl.metroem_run_finished(run, KeyboardInterrupt())
    said = lines(run)
    assert [each["event"] for each in said] == [
        "run_started",
        "step_started",
        "progress",
        "step_ended",
        "run_finished",
    ]
    assert said[0]["steps"] == run.decisions
    assert (said[2]["done"], said[2]["total"], said[2]["values"]) == (1, 2, {"loss": 0.5})
    assert said[3]["error"] == "ValueError: no luck"
    assert said[4]["error"] == "KeyboardInterrupt"


def test_values_that_json_does_not_know_are_null_and_pictures_are_left_out(run):
    values = {"loss": math.nan, "picture": np.zeros((2, 2, 3), np.uint8)}
    jsonl.metroem_progress(run, run.spec.steps[0], 1, 2, values)
    assert lines(run)[0]["values"] == {"loss": None}


def test_half_a_line_of_a_killed_process_does_not_spoil_the_next(run):
    (run.folder / "log.jsonl").write_text('{"time": "x", "event": "y"}\n{"half')
    jsonl.metroem_run_finished(run, None)
    whole = [
        line for line in (run.folder / "log.jsonl").read_text().splitlines() if line != '{"half'
    ]
    assert [json.loads(line)["event"] for line in whole] == ["y", "run_finished"]
