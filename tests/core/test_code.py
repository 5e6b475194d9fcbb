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


def test_code_that_is_imported_later_counts_from_the_start(package):
    (package / "loss.py").write_text("def run():\n    from .late import x\n")
    (package / "late.py").write_text("x = 1\n")
    before = fingerprint(f"{package.name}.loss")
    importlib.import_module(f"{package.name}.late")
    assert fingerprint(f"{package.name}.loss") == before
    (package / "late.py").write_text("x = 2\n")
    assert fingerprint(f"{package.name}.loss") != before


def test_compiled_code_counts_by_its_bytes():
    compiled = "numpy._core._multiarray_umath"
    importlib.import_module(compiled)
    assert fingerprint(compiled) != fingerprint("sys")
