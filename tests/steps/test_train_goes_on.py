"""The same weights after whatever stopped a training, and with however many who do it."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import nullcontext, suppress
from itertools import count
from pathlib import Path

import pytest
import torch

from metroem_core import hookimpl
from metroem_core.errors import UserError
from metroem_core.plugins import components
from metroem_core.run import load
from metroem_core.sets import read_set
from metroem_steps.training.crops import Crops, collate
from metroem_steps.training.order import Order
from metroem_steps.training.processes import Processes

TOY = Path(__file__).with_name("toy_training.py")
components([TOY])
toy = sys.modules["metroem_plugin_toy_training"]
FIRST = {**toy.SHORT, "stages": [0], "generate": []}

NURSERY = f"""
import json, os, signal, sys
from pathlib import Path
sys.path.insert(0, {str(TOY.parent)!r})
import toy_training as toy
import torch._dynamo, metroem_steps.train, metroem_aligners.pyramid, metroem_losses.objective.plain
torch.set_num_threads(1)
for line in sys.stdin:
    order = json.loads(line)
    if "wait" in order:
        print(os.waitstatus_to_exitcode(os.waitpid(order["wait"], 0)[1]), flush=True)
        continue
    child = os.fork()
    if child == 0:
        signal.alarm(300)
        os.environ.update(order["environment"])
        toy.train(*map(Path, order["paths"]), **order["settings"])
        os._exit(0)
    print(child, flush=True)
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Sets for trainings that must not share one, and a pyramid."""
    folder = tmp_path_factory.mktemp("made")
    for name in ("one", "two"):
        toy.write_set(folder / name, mips=(1, 0))
    toy.write_pyramid(folder / "pyramid", mips=(1, 0))
    return folder


def same(one, other):
    assert one.keys() == other.keys()
    return all(torch.equal(one[name], other[name]) for name in one)


class Nursery:
    """A process that has imported everything, and whose children train and may be killed."""

    def __init__(self, process):
        self.process = process

    def start(self, *paths, environment=None, **settings):
        """Begin to train, and answer the number of the process."""
        order = {"paths": [*map(str, paths)], "environment": environment or {}}
        return self._ask({**order, "settings": settings})

    def wait(self, child):
        """How a process ended: 0 when all went well."""
        return self._ask({"wait": child})

    def _ask(self, order):
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


@pytest.fixture(scope="module")
def nursery():
    quiet = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        [sys.executable, "-c", NURSERY],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, env=quiet,
    ) as process:  # fmt: skip
        yield Nursery(process)
        process.stdin.close()


@pytest.mark.slow
def test_killed_again_and_again_it_comes_to_the_same_weights(made, tmp_path, nursery):
    child = nursery.start(tmp_path / "whole", made / "one", made / "pyramid", **toy.LONG)
    assert nursery.wait(child) == 0
    draw, places = random.Random(0), []
    while True:
        child = nursery.start(tmp_path / "killed", made / "two", made / "pyramid", **toy.LONG)
        wait_for_changes(child, tmp_path / "killed/model.part", made / "two", draw.randint(1, 12))
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        if nursery.wait(child) == 0:
            break
        places.append(place(tmp_path / "killed/model.part", made / "two"))
        assert len(places) < 60
    assert len(places) >= 4
    assert len(set(places)) >= 4
    whole, killed = (toy.weights(tmp_path / name / "model") for name in ("whole", "killed"))
    assert same(whole, killed)
    for module in ("0_mip1in_toy", "1_mip0in_toy"):
        logs = [toy.lines(tmp_path / name / "model" / module) for name in ("whole", "killed")]
        assert [steady(line) for line in logs[0]] == [steady(line) for line in logs[1]]


def wait_for_changes(child, folder, data, count):
    """Wait until something was saved some times, or the process has ended."""
    seen = set()
    while len(seen) <= count and "zombie" not in Path(f"/proc/{child}/status").read_text():
        seen.add(place(folder, data))
        time.sleep(0.002)


def place(folder, data):
    """How far a training has come: when it was saved last, and which fields there are."""
    with suppress(FileNotFoundError):
        saved = [each.stat().st_mtime_ns for each in sorted(folder.glob("*/training/last.pt"))]
        return (*saved, *sorted(each.name for each in data.rglob("*") if "field" in str(each)))
    return ()


def steady(line):
    return {name: value for name, value in line.items() if name not in ("seconds",)}


@pytest.mark.parametrize("stop", [2, 5, 7, 9])
def test_stopped_anywhere_it_comes_to_the_same_weights(made, tmp_path, stop, uninterrupted):
    calls = count(1)
    stopped(lambda values: next(calls) == stop, tmp_path / "run", made, **toy.SHORT)
    again = toy.train(tmp_path / "run", made / "two", made / "pyramid", **toy.SHORT)
    assert same(uninterrupted, toy.weights(again))


def stopped(when, out, made, **settings):
    """Train until what is told fulfils a condition."""

    class Stop:
        @hookimpl
        def metroem_progress(self, values):
            if when(values):
                raise KeyboardInterrupt

    value = {"steps": [toy.step(made / "two", made / "pyramid", **settings)]}
    run = load(value, out=out, plugin_files=[TOY])
    run.listeners.manager.register(Stop())
    with pytest.raises((KeyboardInterrupt, UserError)):
        run.run()


class OneOfTwo(Processes):
    """The first of two processes, which does not wait for the other."""

    def wait(self):
        pass

    def gathered(self, value):
        return [value]

    def same(self, network):
        pass

    def average(self, weights, samples, others):
        return [samples, *others]


@pytest.fixture
def doubled(monkeypatch):
    """Two processes, from when it is called."""
    two = nullcontext(OneOfTwo(0, 2, torch.device("cpu")))
    return lambda: monkeypatch.setattr("metroem_steps.train.together", lambda device: two)


@pytest.mark.parametrize("in_place", [False, True])
def test_only_as_many_processes_go_on_within_an_epoch(made, tmp_path, doubled, in_place):
    pyramid = Path(shutil.copytree(made / "pyramid", tmp_path / "pyramid"))
    to = pyramid if in_place else tmp_path / "model"
    settings = {**FIRST, "aligner": {"type": "pyramid", "path": str(pyramid)}, "to": str(to)}
    stopped(validated(phase=0, epoch=1), tmp_path / "run", made, **settings)
    doubled()
    left = pyramid / "0_mip1in_toy/training" if in_place else tmp_path / "model.part"
    text = f"was 1 then and is 2 now. Go on with 1, or remove {left} to begin anew"
    with pytest.raises(UserError, match=text):
        toy.train(tmp_path / "run", made / "two", pyramid, **settings)
    shutil.rmtree(left)
    toy.train(tmp_path / "run", made / "two", pyramid, **settings)


def test_any_number_of_processes_goes_on_between_phases(made, tmp_path, doubled):
    stopped(validated(phase=1, epoch=0), tmp_path, made, **FIRST)
    doubled()
    model = toy.train(tmp_path, made / "two", made / "pyramid", **FIRST)
    assert [line["epoch"] for line in toy.lines(model / "0_mip1in_toy")] == [0, 1, 2, 0, 1]


def validated(**place):
    """Whether what is told is of the end of an epoch."""
    return lambda values: "val_loss" in values and values.items() >= place.items()


@pytest.fixture(scope="module")
def uninterrupted(made, tmp_path_factory):
    """The weights of a training that nothing stopped."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    return toy.weights(toy.train(folder, made / "one", made / "pyramid", **toy.SHORT))


def test_workers_make_no_difference(made, tmp_path, uninterrupted):
    settings = {**toy.SHORT, "workers": 2}
    model = toy.train(tmp_path, made / "one", made / "pyramid", **settings)
    assert same(uninterrupted, toy.weights(model))


def test_another_seed_makes_a_difference(made, tmp_path, uninterrupted):
    model = toy.train(tmp_path, made / "one", made / "pyramid", **{**toy.SHORT, "seed": 3})
    assert not same(uninterrupted, toy.weights(model))


def test_a_crop_follows_from_its_key_alone(made):
    pairs = read_set(made / "one")
    crops = Crops(pairs, 0, None, 16, seed=(0,))
    first = crops[0, 1, 0]["src"].tensor
    crops[3, 2, 0]
    assert torch.equal(crops[0, 1, 0]["src"].tensor, first)
    assert not torch.equal(crops[1, 1, 0]["src"].tensor, first)


def test_every_pair_is_seen_once_in_an_epoch_in_an_order_of_its_own():
    order = Order((4, 5, 6, 7, 8), epochs=3, crops=1, size=2, seed=(0,))
    batches = list(order)
    assert len(batches) == len(order) == 9
    epochs = [[key for batch in batches[3 * e : 3 * e + 3] for key in batch] for e in range(3)]
    for number, keys in enumerate(epochs):
        assert sorted(keys) == [(number, pair, 0) for pair in (4, 5, 6, 7, 8)]
    assert len({tuple(pair for _, pair, _ in keys) for keys in epochs}) == 3


def test_processes_share_the_batches_of_one_that_has_them_all():
    whole = list(Order((1, 2, 3, 4, 5), 2, 3, 4, (0,)))
    parts = [list(Order((1, 2, 3, 4, 5), 2, 3, 2, (0,), rank=r, count=2)) for r in (0, 1)]
    assert whole == [a + b for a, b in zip(*parts, strict=True)]


def test_an_order_goes_on_anywhere():
    order = Order((1, 2, 3), 4, 1, 2, (0,))
    late = Order((1, 2, 3), 4, 1, 2, (0,), first=5)
    assert list(order)[5:] == list(late)


def test_samples_without_data_leave_a_batch(made, tmp_path):
    data = toy.write_set(tmp_path / "set", empty=(1,))
    crops = Crops(read_set(data), 0, None, 16)
    drawn = collate([crops[0, 0, 0], crops[0, 1, 0]])
    assert (drawn.samples, drawn.skipped) == (1, 1)
    assert collate([crops[0, 1, 0]]).batch is None


def together(nursery, out, data, pyramid):
    """Train with two processes, as ``torchrun`` would start them."""
    common = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    started = [
        nursery.start(
            out, data, pyramid, environment={**common, "RANK": rank, "LOCAL_RANK": rank},
            **toy.TOGETHER,
        )
        for rank in ("0", "1")
    ]  # fmt: skip
    assert [nursery.wait(each) for each in started] == [0, 0]
    return out / "model"


def free_port():
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize("empty", [(), (1,)])
def test_two_processes_equal_one_with_twice_the_batch(made, tmp_path, nursery, empty):
    """Pairs without data fall to one of the two, which must not keep the other waiting."""
    for name in ("one", "two"):
        toy.write_set(tmp_path / name, pairs=7, mips=(1, 0), empty=empty)
    settings = {**toy.TOGETHER, "batch_size": 4}
    alone = toy.train(tmp_path / "alone", tmp_path / "one", made / "pyramid", **settings)
    both = together(nursery, tmp_path / "both", tmp_path / "two", made / "pyramid")
    start, one, two = map(toy.weights, (made / "pyramid", alone, both))
    for name in one:
        torch.testing.assert_close(two[name], one[name], rtol=1e-4, atol=1e-5)
    assert max((start[name] - one[name]).abs().max() for name in one) > 1e-3
    module = "1_mip0in_toy"
    logs = [toy.lines(model / module) for model in (alone, both)]
    for lone, shared in zip(*logs, strict=True):
        assert (lone["samples"], lone["skipped"]) == (shared["samples"], shared["skipped"])
        assert shared["validation"]["loss"] == pytest.approx(lone["validation"]["loss"], rel=1e-4)
