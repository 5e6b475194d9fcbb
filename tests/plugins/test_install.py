"""Plugins that were really installed by pip: found, chosen, at odds, and broken."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from click.testing import CliRunner

from metroem_core.cli import main

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs/examples/metroem-curl"
METROEM = f"{sysconfig.get_path('scripts')}/metroem"
PIP = "-m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation"

SPEC = """
steps:
  - type: align_pair
    image: synthetic
    z: 20
    aligner: {{type: optimise, method: lbfgs, smoothness: {smoothness}}}
"""


def pip_install(target, *folders):
    """The folder ``target`` with distributions installed from copies of their source folders."""
    copies = [shutil.copytree(folder, target / "source" / folder.name) for folder in folders]
    command = [sys.executable, *PIP.split(), "--target", target / "installed", *copies]
    subprocess.run(command, check=True)
    return target / "installed"


def written(folder, name, entry_points, source):
    """The source folder of a distribution of one module."""
    module = name.replace("-", "_")
    folder = folder / name
    folder.mkdir()
    (folder / f"{module}.py").write_text(source)
    (folder / "pyproject.toml").write_text(
        f'[project]\nname = "{name}"\nversion = "0.3"\n{entry_points}\n'
        f'[tool.setuptools]\npy-modules = ["{module}"]\n'
    )
    return folder


@pytest.fixture(scope="session")
def curl(tmp_path_factory):
    """Where the example of the documentation is installed."""
    return pip_install(tmp_path_factory.mktemp("curl"), EXAMPLE)


@pytest.fixture(scope="session")
def vortex(tmp_path_factory):
    """Where another distribution is installed that calls its component curl, too."""
    source = (EXAMPLE / "metroem_curl/curl.py").read_text()
    announced = '[project.entry-points."metroem.smoothness"]\ncurl = "metroem_vortex:Curl"'
    folder = written(tmp_path_factory.mktemp("source"), "metroem-vortex", announced, source)
    return pip_install(tmp_path_factory.mktemp("vortex"), folder)


@pytest.fixture(scope="session")
def odd(tmp_path_factory):
    """Where a loss that cannot be imported is installed, and a command that can."""
    folder = tmp_path_factory.mktemp("source")
    announced = '[project.entry-points."metroem.smoothness"]\ntorn = "metroem_torn:Torn"'
    torn = written(folder, "metroem-torn", announced, "import not_installed_anywhere\n")
    announced = '[project.entry-points."metroem.command"]\nhello = "metroem_hello:hello"'
    source = (
        "import click\n\n\n@click.command()\ndef hello():\n"
        '    """Greet the sections."""\n    click.echo("Hello, sections.")\n'
    )
    hello = written(folder, "metroem-hello", announced, source)
    return pip_install(tmp_path_factory.mktemp("odd"), torn, hello)


def spec_with(folder, smoothness):
    """A spec file that uses a smoothness."""
    path = folder / "align.yaml"
    path.write_text(SPEC.format(smoothness=smoothness))
    return path


def in_subprocess(place, *command, cwd=None):
    """A command in a fresh process that finds what is installed at a place."""
    environment = {**os.environ, "PYTHONPATH": str(place)}
    return subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True)


def metroem(*arguments):
    """The command in this process: its exit status and all it says."""
    result = CliRunner().invoke(main, [str(each) for each in arguments])
    return result.exit_code, result.output


@pytest.fixture
def both(curl, vortex, monkeypatch):
    """This process with two distributions that call a component curl."""
    monkeypatch.syspath_prepend(vortex)
    monkeypatch.syspath_prepend(curl)


@pytest.fixture
def torn(odd, monkeypatch):
    """This process with a loss that cannot be imported."""
    monkeypatch.syspath_prepend(odd)


def test_an_installed_plugin_is_listed_with_its_distribution(curl):
    said = in_subprocess(curl, METROEM, "components", "smoothness").stdout
    assert ["smoothness", "curl", "metroem-curl", "0.1.0"] in map(str.split, said.splitlines())


def test_a_spec_names_it_like_any_other(curl, tmp_path):
    done = in_subprocess(curl, METROEM, "check", spec_with(tmp_path, "{type: curl, power: 1}"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("align.yaml: 1 step, nothing wrong.\n")


def test_the_tests_of_the_example_pass(curl, tmp_path):
    tests = shutil.copytree(EXAMPLE / "tests", tmp_path / "tests")
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests")
    done = in_subprocess(curl, *command, cwd=tests.parent)
    assert done.returncode == 0, done.stdout


@pytest.mark.usefixtures("both")
class TestTwoOfOneName:
    def test_both_are_listed_with_the_names_that_choose(self):
        _, said = metroem("components", "smoothness")
        assert "use 'metroem-curl:curl'" in said
        assert "use 'metroem-vortex:curl'" in said

    def test_the_bare_name_is_refused_and_both_are_named(self, tmp_path):
        status, said = metroem("check", spec_with(tmp_path, "curl"))
        assert status == 1
        assert (
            "spec.steps[0].aligner.smoothness: smoothness 'curl' is provided by metroem-curl 0.1.0 "
            "and metroem-vortex 0.3. Choose with 'metroem-curl:curl' or 'metroem-vortex:curl'"
        ) in said

    def test_the_name_of_the_distribution_chooses(self, tmp_path):
        status, said = metroem("check", spec_with(tmp_path, '"metroem-vortex:curl"'))
        assert (status, said.count("nothing wrong")) == (0, 1)

    def test_the_doctor_reports_the_clash(self):
        status, said = metroem("doctor")
        (line,) = [line for line in said.splitlines() if "smoothness curl" in line]
        assert line.startswith("WRONG")
        assert line.endswith("comes from metroem-curl and metroem-vortex")
        assert status == 1


@pytest.mark.usefixtures("torn")
class TestBroken:
    def test_it_is_listed(self):
        status, said = metroem("components", "smoothness")
        assert (status, "metroem-torn 0.3" in said) == (0, True)

    def test_it_does_not_disturb_a_spec_that_does_not_use_it(self, tmp_path):
        assert metroem("check", spec_with(tmp_path, "rigidity"))[0] == 0

    def test_using_it_gives_one_line_that_names_its_distribution(self, tmp_path):
        status, said = metroem("check", spec_with(tmp_path, "torn"))
        assert status == 1
        assert said.splitlines()[1:] == [
            "spec.steps[0].aligner.smoothness: smoothness 'torn' comes from metroem-torn 0.3, but "
            "importing metroem_torn:Torn failed: ModuleNotFoundError: No module named "
            "'not_installed_anywhere'"
        ]

    def test_the_doctor_names_it(self):
        status, said = metroem("doctor")
        assert status == 1
        assert any(line.split()[:2] == ["WRONG", "metroem-torn"] for line in said.splitlines())


def test_a_plugin_adds_a_command(odd):
    assert "Greet the sections." in in_subprocess(odd, METROEM, "--help").stdout
    assert in_subprocess(odd, METROEM, "hello").stdout == "Hello, sections.\n"


def test_an_installed_metroem_has_every_file_of_its_packages(tmp_path):
    folder = tmp_path / "metroem"
    folder.mkdir()
    for name in ("setup.py", "pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, folder)
    for name in ("metroem_core", "registry", "plugins"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    target = pip_install(tmp_path, folder)
    roots = (folder, folder / "registry", folder / "plugins")
    missing = [
        str(path.relative_to(folder))
        for root in roots
        for path in root.glob("metroem_*/**/*.*")
        if not (target / path.relative_to(root)).exists()
    ]
    assert not missing
