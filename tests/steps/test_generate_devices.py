"""Which GPU a process takes."""

import pytest

from metroem_steps.generating import devices


@pytest.fixture
def another_process(tmp_path, monkeypatch):
    """What another process takes of some devices."""
    monkeypatch.setattr(devices.tempfile, "gettempdir", lambda: str(tmp_path))

    def claimed(*names):
        devices.claimed.cache_clear()
        return devices.claimed(names)

    yield claimed
    devices.claimed.cache_clear()


def test_every_process_has_a_device_of_its_own_as_long_as_there_are_enough(another_process):
    taken = [another_process("cuda:0", "cuda:1") for _ in range(5)]
    assert taken == ["cuda:0", "cuda:1", "cuda:0", "cuda:1", "cuda:0"]


def test_a_process_keeps_its_device(another_process):
    first = another_process("cuda:0", "cuda:1")
    assert devices.claimed(("cuda:0", "cuda:1")) == first
