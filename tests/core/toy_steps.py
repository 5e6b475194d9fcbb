"""A plugin file with steps that are quick to run and easy to kill."""

from __future__ import annotations

import time
from pathlib import Path

import attrs

from metroem_core import hookimpl
from metroem_core.errors import UserError
from metroem_core.files import whole
from metroem_core.kinds import Plan
from metroem_core.spec import Location, Output


@attrs.frozen
class Write:
    """Writes lines to a file, one after the other.

    :param lines: how many.
    :param pause: seconds before each.
    :param after: a file whose text comes first.
    :param diary: a file to which every start of the step adds a line.
    :param fail: end with this message.
    """

    lines: int = 3
    pause: float = 0.0
    after: Location | None = None
    diary: str | None = None
    fail: str | None = None
    to: Output = "lines.txt"

    def plan(self, run):
        reads = {self.after: Path(self.after).stat().st_size} if self.after else {}
        return Plan(reads, {self.to: 2 * self.lines}, f"{self.lines} lines", self.lines)

    def run(self, run):
        if self.diary:
            with open(self.diary, "a") as diary:
                diary.write(Path(self.to).name + "\n")
        if self.fail == "disk":
            Path("/dev/full").write_text("x")
        if self.fail == "bug":
            raise ZeroDivisionError("a bug")
        if self.fail:
            raise UserError(self.fail)
        with whole(self.to) as part, open(part, "w") as file:
            file.write(Path(self.after).read_text() if self.after else "")
            for line in range(self.lines):
                time.sleep(self.pause)
                file.write(f"{line}\n")
                file.flush()
                run.progress(self, line + 1, self.lines, line=float(line))


@hookimpl
def metroem_register_components(registry):
    registry.add("step", "write", Write)
