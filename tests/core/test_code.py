import importlib
import sys

import pytest

from metroem_core.code import fingerprint

FILES = {
    "__init__.py": "",
    "loss.py": "from .springs import cost\nfrom . import shapes\nimport json\n",
    "springs.py": "import METROEM_TOY.units\ncost = 1\n",
    "shapes.py": "",
    "units.py": "",
    "other.py": "",
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package in which ``loss`` uses all but ``other``, freshly imported."""
    name = f"toy_{tmp_path.name.replace('-', '_')}"
    folder = tmp_path / name
    folder.mkdir()
    for file, text in FILES.items():
        (folder / file).write_text(text.replace("METROEM_TOY", name))
    monkeypatch.syspath_prepend(str(tmp_path))
    for module in ("loss", "other"):
        importlib.import_module(f"{name}.{module}")
    yield folder
    for module in [each for each in sys.modules if each.partition(".")[0] == name]:
        del sys.modules[module]


@pytest.mark.parametrize("file", ["loss.py", "springs.py", "shapes.py", "units.py", "__init__.py"])
def test_code_that_a_component_uses_is_its_own(package, file):
    before = fingerprint(f"{package.name}.loss")
    (package / file).write_text((package / file).read_text() + "# changed\n")
    assert fingerprint(f"{package.name}.loss") != before


def test_code_that_a_component_does_not_use_is_not(package):
    before = fingerprint(f"{package.name}.loss")
    (package / "other.py").write_text("# changed\n")
    assert fingerprint(f"{package.name}.loss") == before


def test_a_module_without_a_file_has_a_fingerprint_too():
    assert fingerprint("sys") == fingerprint("sys")
