"""Which way imports point."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PLUGINS = sorted(path.name for path in (ROOT / "plugins").iterdir() if path.is_dir())
TORCH_IN_CORE = {"batch.py", "checkpoint.py", "device.py", "field", "mask.py", "module_folder.py"}
TORCH_IN_CORE |= {"testing"}


def imports(path):
    """The top-level names of everything that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.split(".")[0]


def metroem_imports(folder):
    found = {name for path in folder.rglob("*.py") for name in imports(path)}
    return {name for name in found if name.startswith("metroem")}


def test_the_registry_knows_neither_core_nor_plugins():
    assert metroem_imports(ROOT / "registry") <= {"metroem_registry"}


def test_the_core_names_no_plugin():
    assert metroem_imports(ROOT / "metroem_core") <= {"metroem_core", "metroem_registry"}


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_plugin_reaches_others_through_the_registry_only(plugin):
    allowed = {plugin, "metroem_core", "metroem_registry"}
    assert metroem_imports(ROOT / "plugins" / plugin) <= allowed


@pytest.mark.parametrize("plugin", PLUGINS)
def test_importing_a_plugins_package_is_free(plugin):
    package = ast.parse((ROOT / "plugins" / plugin / "__init__.py").read_text())
    assert len(package.body) == 1
    assert ast.get_docstring(package)


def test_only_field_mask_batch_and_device_import_torch_in_the_core():
    core = ROOT / "metroem_core"
    heavy = [path.relative_to(core) for path in core.rglob("*.py") if "torch" in imports(path)]
    allowed = {*TORCH_IN_CORE, "kinds.py", "cli"}  # for types only, and inside `metroem doctor`
    assert {path.parts[0] for path in heavy} <= allowed


def test_loading_a_spec_machinery_does_not_import_torch():
    code = "import sys, metroem_core.run, metroem_core.kinds; print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"torch", "numpy"} & set(modules)
