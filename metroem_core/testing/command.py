"""What holds for every command."""

from __future__ import annotations

import subprocess
import sys

import click
from click.testing import CliRunner


class CommandConformance:
    """Laws of a click command. It is named, not given, so that it can be imported afresh::

    class TestHello(CommandConformance):
        component = "metroem_hello:hello"
    """

    component: str

    def test_its_help_says_what_it_does_with_an_example(self) -> None:
        module, _, name = self.component.partition(":")
        command = getattr(__import__(module, fromlist=[name]), name)
        assert isinstance(command, click.Command)
        said = CliRunner().invoke(command, ["--help"])
        assert said.exit_code == 0
        assert command.get_short_help_str()
        assert "Example" in said.output

    def test_listing_it_imports_nothing_heavy(self) -> None:
        code = f"import sys, {self.component.partition(':')[0]}; print(*sys.modules)"
        said = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
        assert not {"torch", "numpy", "h5py", "cloudvolume"} & set(said.split())
