"""Handwritten pages: their specs are valid, their commands exist, the site builds."""

import itertools
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import jsonschema
import pytest
from ruamel.yaml import YAML

from metroem_core.cli import main
from metroem_core.plugins import components
from metroem_core.run import Spec, load
from metroem_core.spec.paths import Paths
from metroem_core.spec.schema import schema

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
EXAMPLES = DOCS / "examples"
SPECS = sorted(EXAMPLES.glob("*.yaml"))
PAGES = [path for path in sorted(DOCS.rglob("*.md")) if EXAMPLES not in path.parents]

fence = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```', re.MULTILINE | re.DOTALL)
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))


@pytest.fixture(scope="module")
def registry():
    """What is installed, and the components of the example files."""
    return components(sorted(EXAMPLES.glob("*.py")))


def blocks(page, language):
    """The blocks of code in a language on a page, with their titles."""
    found = fence.findall(page.read_text())
    return [(title, body) for each, title, body in found if each == language]


@each_page
def test_every_spec_in_the_docs_is_valid(page, registry, tmp_path, monkeypatch):
    monkeypatch.setattr(Paths, "input", lambda self, path: path)  # readers have files of their own
    for title, body in blocks(page, "yaml"):
        if "steps:" in body and title != "wrong.yaml":
            path = tmp_path / "spec.yaml"
            path.write_text(body)
            load(path, registry=registry)


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.name)
def test_the_example_specs_follow_the_schema(path, registry):
    rules = schema(Spec, registry)
    jsonschema.Draft202012Validator.check_schema(rules)
    jsonschema.Draft202012Validator(rules).validate(YAML(typ="safe").load(path))


@each_page
def test_example_files_are_quoted_as_they_are(page):
    for _, title, body in fence.findall(page.read_text()):
        if title and (EXAMPLES / title).exists():
            assert body == (EXAMPLES / title).read_text(), title


@each_page
def test_commands_in_the_docs_exist_with_their_options(page):
    for _, body in blocks(page, "console"):
        for line in re.findall(r"^\$ metroem (.*)$", body, re.MULTILINE):
            name, *words = itertools.takewhile(lambda word: word[0] != ">", shlex.split(line))
            command = main.get_command(click.Context(main), name)
            assert command is not None, f"there is no command {name}"
            command.make_parser(click.Context(command)).parse_args(words)


@pytest.mark.slow
def test_pictures_are_made_by_the_scripts_beside_them(tmp_path):
    made = shutil.copytree(DOCS / "pictures", tmp_path / "pictures")
    for path in made.glob("*.png"):
        path.unlink()
    for path in made.glob("*.py"):
        subprocess.run([sys.executable, path], check=True)
    names = [{path.name for path in folder.glob("*.png")} for folder in (made, DOCS / "pictures")]
    assert names[0] == names[1]


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path):
    pytest.importorskip("mkdocs")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
