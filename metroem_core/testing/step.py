"""What holds for every step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .. import hookimpl
from ..errors import UserError
from ..kinds import Plan
from ..plugins import listeners
from ..run import Run, Spec
from ..spec.dump import account
from .component import Conformance


class StepConformance(Conformance):
    """Laws of a part of a chain. Its outputs must lie in the fixture ``tmp_path``::

    class TestCurate(StepConformance):
        @pytest.fixture(autouse=True)
        def make(self, tmp_path):
            self.component = Curate(..., to=str(tmp_path / "set"))
    """

    def test_it_tells_what_it_will_read_write_and_compute(self, tmp_path: Path) -> None:
        plan = self.component.plan(run_of(self.component, tmp_path))
        assert isinstance(plan, Plan)
        assert all(type(count) is int for count in [*plan.reads.values(), *plan.writes.values()])
        assert plan.computes
        assert plan.tasks > 0

    def test_telling_leaves_no_trace(self, tmp_path: Path) -> None:
        before = sorted(tmp_path.rglob("*"))
        self.component.plan(run_of(self.component, tmp_path))
        assert sorted(tmp_path.rglob("*")) == before

    def test_it_writes_what_it_says(self, tmp_path: Path) -> None:
        run = run_of(self.component, tmp_path)
        self.component.run(run)
        outputs = account(self.component, type(self.component), run.registry).outputs
        assert outputs, "annotate what the step writes as metroem_core.spec.Output"
        for path in outputs:
            assert Path(path).exists(), f"{path} was not written"

    def test_a_second_time_gives_the_same(self, tmp_path: Path) -> None:
        contents = []
        for _ in range(2):
            self.component.run(run_of(self.component, tmp_path))
            files = sorted(path for path in tmp_path.rglob("*") if path.is_file())
            contents.append({path: path.read_bytes() for path in files})
        assert contents[0] == contents[1]

    def test_a_failure_on_the_way_leaves_nothing_half_done(self, tmp_path: Path) -> None:
        run = run_of(self.component, tmp_path)
        outputs = account(self.component, type(self.component), run.registry).outputs

        class Saboteur:
            @hookimpl
            def metroem_progress(self, done: int) -> None:
                raise ValueError(f"stopped by the test after {done}")

        run.listeners.manager.register(Saboteur())
        with pytest.raises(UserError, match="stopped by the test"):
            self.component.run(run)
        assert not [path for path in outputs if Path(path).exists()]


def run_of(step: Any, folder: Path) -> Run:
    """A run of one step, with nobody listening."""
    from metroem_registry import Registry

    from ..plugins import components

    registry = components()
    registry.add("step", "the_one_under_test", type(step))
    return Run(Spec((step,)), folder, registry, listeners(Registry()))
