"""The ledger of block-wise work in a bucket."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from metroem_core import stores
from metroem_core.blocks import Ledger, Task, lease, work
from metroem_core.blocks.status import status_of
from metroem_core.errors import UserError
from metroem_core.plugins import components
from metroem_core.run import load
from metroem_core.shard import Shard

TOY = Path(__file__).parents[1] / "core/toy_work.py"
HERE = components([TOY]).get("executor", "local")(1)
toy = sys.modules["metroem_plugin_toy_work"]


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    """Retry fewer times than for people, and sooner."""
    short = {"max_retries": 3, "initial_delay": "10ms", "max_delay": "50ms"}
    monkeypatch.setattr(stores, "RETRIES", short)
    monkeypatch.setattr(lease, "PATIENCE", 4.0)
    stores.context.cache_clear()
    yield
    stores.context.cache_clear()


def numbered(count):
    return [Task(f"task{number}", number) for number in range(count)]


def begun(folder):
    return (folder / "diary").read_text().split()


def keys(client):
    found = client.list_objects_v2(Bucket="sections").get("Contents", [])
    return sorted(each["Key"] for each in found)


def test_markers_lie_in_the_bucket_and_are_trusted(s3, tmp_path):
    url, _, client = s3
    ledger = Ledger.of(f"{url}/out.ledger", "1")
    found = work(numbered(5), toy.Square(tmp_path), HERE, ledger)
    assert work(numbered(7), toy.Square(tmp_path), HERE, ledger)[:5] == found
    assert len(begun(tmp_path)) == 7
    assert [key.split("/")[1].split(".")[0] for key in keys(client)] == [
        "about",
        *(f"task{n}" for n in range(7)),
    ]


def test_stale_markers_are_removed_and_said(s3, tmp_path, caplog):
    url, _, client = s3
    work(numbered(4), toy.Square(tmp_path), HERE, Ledger.of(f"{url}/out", {"mip": 1}))
    work(numbered(3), toy.Square(tmp_path), HERE, Ledger.of(f"{url}/out", {"mip": 2}))
    assert len(begun(tmp_path)) == 7
    assert len(keys(client)) == 4
    assert "3 of 3 tasks that were done are done again: mip was 1, is 2" in caplog.text


def test_what_a_listing_tells_needs_no_more_requests(s3, tmp_path):
    url, faults, _ = s3
    ledger = Ledger.of(f"{url}/out", "1")
    work(numbered(20), toy.Square(tmp_path), HERE, ledger)
    faults.seen = ()
    assert ledger.left(numbered(25)) == 5
    assert len(faults.seen) == 1


def test_the_status_of_a_step_is_read_from_the_bucket(s3, tmp_path):
    run = load({"steps": [{"type": "squares"}]}, out=tmp_path, plugin_files=[TOY])
    (step,) = run.spec.steps
    square = toy.Square(tmp_path, ends=(("task1", "mistake", 99),))
    with pytest.raises(UserError, match="1 of 5 tasks failed"):
        work(numbered(5), square, HERE, Ledger.of_step(run, step, f"{s3[0]}/out"))
    assert [str(each) for each in status_of(run, step)] == ["4 done, 1 failed, 0 left of 5 tasks"]


def test_a_store_that_fails_now_and_then_is_asked_again(s3, tmp_path):
    url, faults, _ = s3
    faults[:] = [503, 0, 503]
    work(numbered(3), toy.Square(tmp_path), HERE, Ledger.of(f"{url}/out", "1"))
    assert not faults


def test_a_store_that_refuses_ends_the_work_in_one_line(s3, tmp_path):
    url, faults, client = s3

    def refuse(done, total):
        if done == 2:
            faults.only = ".done"
            faults[:] = [403] * 100

    with pytest.raises(UserError, match="access was refused"):
        work(numbered(9), toy.Square(tmp_path), HERE, Ledger.of(f"{url}/out", "1"), refuse)
    faults.only = ""
    faults.clear()
    marked = {key.split("/")[1].split(".")[0] for key in keys(client)} - {"about"}
    assert marked <= {path.stem for path in tmp_path.glob("*.txt")}


def test_a_bucket_that_does_not_exist_is_said_before_anything_is_done(s3, tmp_path):
    url = s3[0].replace("sections", "no-such")
    with pytest.raises(UserError, match="no-such"):
        work(numbered(3), toy.Square(tmp_path), HERE, Ledger.of(f"{url}/out", "1"))
    assert not (tmp_path / "diary").exists()


def test_one_process_at_a_time_has_it(s3, tmp_path):
    url, _, _ = s3
    ledger = Ledger.of(f"{url}/out", "1")
    with ledger.alone(), pytest.raises(UserError, match=r"out is in use by process \d+ on"):
        ledger.alone().__enter__()
    with ledger.alone():
        pass


def test_slices_have_it_side_by_side(s3):
    url, _, _ = s3
    one, two, other = (Ledger(f"{url}/out", "1", shard=Shard(*n)) for n in ((1, 2), (2, 2), (1, 3)))
    with one.alone(), two.alone():
        for each in (one, other, Ledger(f"{url}/out", "1")):
            with pytest.raises(UserError, match=r"in use by .* \(shard [12]/2\)"):
                each.alone().__enter__()
    with other.alone():
        pass


def owned(client, **known):
    """A lease that somebody left."""
    text = json.dumps(
        {"owner": "process 7 on elsewhere", "host": "elsewhere", "process": 7, **known}
    )
    client.put_object(Bucket="sections", Key="out/run.lease", Body=text)


def test_what_somebody_elsewhere_left_is_free_after_a_while(s3, caplog, monkeypatch):
    monkeypatch.setattr(lease, "PATIENCE", 0.6)
    url, _, client = s3
    owned(client)
    started = time.monotonic()
    with Ledger.of(f"{url}/out", "1").alone():
        assert time.monotonic() - started > 0.6
    assert "seeing whether process 7 on elsewhere is still at work" in caplog.text


def test_what_a_killed_process_of_this_machine_left_is_free_at_once(s3, monkeypatch):
    monkeypatch.setattr(lease, "PATIENCE", 600.0)
    url, _, client = s3
    ended = subprocess.Popen(["true"])
    ended.wait()
    owned(client, host=os.uname().nodename, process=ended.pid)
    with Ledger.of(f"{url}/out", "1").alone():
        pass


def test_who_lost_it_stops_before_the_next_marker(s3, tmp_path, monkeypatch):
    monkeypatch.setattr(lease, "PATIENCE", 0.4)
    url, _, client = s3

    def rob(done, total):
        if done == 2:
            owned(client)
            time.sleep(1.0)

    with pytest.raises(UserError, match="another process has taken over; this one stops"):
        work(numbered(9), toy.Square(tmp_path), HERE, Ledger.of(f"{url}/out", "1"), rob)
    assert len([key for key in keys(client) if key.endswith(".done")]) == 2
    assert "out/run.lease" in keys(client), "it is no longer ours to remove"


def test_of_many_that_begin_at_once_one_has_it(s3):
    ledger, had, refused = Ledger.of(f"{s3[0]}/out", "1"), [], []

    def begin():
        try:
            with ledger.alone():
                had.append(1)
                deadline = time.monotonic() + 30
                while len(refused) < 3 and time.monotonic() < deadline:
                    time.sleep(0.05)
        except UserError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=begin) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(had), len(refused)) == (1, 3)
