"""What the documentation shows on a screen is what a reader will see.

A page is followed from top to bottom in an empty folder: a block with a title becomes a file, and
the commands of a block ``console`` that show an output are run.
"""

import doctest
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from metroem_core.cli import main

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLE = DOCS / "examples/metroem-curl"
SLOW = {
    DOCS / "tutorial/first-run.md",
    DOCS / "how-to/train-on-8-gpus.md",
    DOCS / "how-to/write-a-component.md",
    DOCS / "how-to/write-a-source-and-an-aligner.md",
}
PAGES = [
    pytest.param(path, id=str(path.relative_to(DOCS)), marks=[pytest.mark.slow] * (path in SLOW))
    for path in sorted(DOCS.rglob("*.md"))
    if "examples" not in path.parts and "```console" in path.read_text()
]
FOLDER = "/home/you/sections"

fence = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```', re.MULTILINE | re.DOTALL)
shown = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
progress = re.compile(r"^step \d+ \(\w+\): \d+ of \d+, .*\n", re.MULTILINE)
measured = re.compile(r"\d+\.\d+|(?:\d+ min )?\d+(?= s\b)")


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_shows_is_what_commands_say(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in [name for name in sys.modules if name.startswith("metroem_plugin_")]:
        monkeypatch.delitem(sys.modules, name)
    for language, title, body in fence.findall(page.read_text()):
        if title:
            (tmp_path / title).parent.mkdir(exist_ok=True)
            (tmp_path / title).write_text(body)
        for command, output in shown.findall(body) if language == "console" else ():
            if command == "pip install metroem-curl":
                monkeypatch.syspath_prepend(installed_example(tmp_path))
            elif output:
                expect(said(*shlex.split(command)).replace(str(tmp_path), FOLDER), output)


def installed_example(folder):
    """Where the example plugin is installed."""
    flags = ["--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    command = [sys.executable, "-m", "pip", "install", *flags, "--target", folder / "site"]
    source = shutil.copytree(EXAMPLE, folder / "source")
    subprocess.run([*command, source], check=True)
    return folder / "site"


def said(program, *arguments):
    """All that a command says."""
    if program == "metroem":
        return CliRunner().invoke(main, arguments).output
    ours = {"python": [sys.executable], "pytest": [sys.executable, "-m", "pytest"]}
    command = ours.get(program, [program])
    return subprocess.run([*command, *arguments], capture_output=True, text=True).stdout


def expect(got, wanted):
    """Compare an output with what a page shows, where ``...`` is anything.

    What is measured, durations and numbers with a point, differs from machine to machine. So does
    how far a slow machine is when a line about progress is due.
    """
    got, wanted = (measured.sub("#", progress.sub("", text)) for text in (got, wanted))
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    assert doctest.OutputChecker().check_output(wanted, got, flags), got
