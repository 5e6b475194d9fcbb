"""Which plugins take part: what is installed, and the files named with ``--plugin``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pluggy

from metroem_registry import Registry, installed

from . import hookspecs
from .errors import UserError


def components(files: Iterable[Path] = ()) -> Registry:
    """The registry of everything installed, and of what plugin files add to it."""
    registry = installed()
    for file in files:
        hooks = _manager()
        _register(hooks, _module(file), str(file))
        with _blaming(file):
            hooks.hook.metroem_register_components(registry=registry)
    return registry


def listeners(registry: Registry, files: Iterable[Path] = ()) -> pluggy.HookRelay:
    """The hooks of a run, with every installed listener and every plugin file behind them.

    :raises RegistryError: when an installed listener cannot be imported, naming it.
    """
    hooks = _manager()
    for entry in registry.entries("hooks"):
        module = registry.get("hooks", f"{entry.dist}:{entry.name}")
        _register(hooks, module, f"{entry.name} of {entry.dist} {entry.version}")
    for file in files:
        _register(hooks, _module(file), str(file))
    return hooks.hook


def _manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager("metroem")
    manager.add_hookspecs(hookspecs)
    return manager


def _register(manager: pluggy.PluginManager, module: ModuleType, name: str) -> None:
    """Register a module of hooks, refusing names and parameters that no hook has."""
    try:
        manager.register(module, name)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        said = " ".join(str(error).split())
        raise UserError(f"the plugin {name} misuses a hook. {said}") from None
    if not manager.get_hookcallers(module):
        raise UserError(
            f"the plugin {name} implements no hook. Mark its functions with "
            "@metroem_core.hookimpl; to add components, implement metroem_register_components"
        )


def _module(file: Path) -> ModuleType:
    """The module in a file, imported once in a process."""
    path = file.absolute()
    name = f"metroem_plugin_{path.stem}"
    known = sys.modules.get(name)
    if known is not None and known.__file__ == str(path):
        return known
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UserError(f"the plugin {file} is not a Python file: its name must end in .py")
    module = module_from_spec(spec)
    with _blaming(file):
        spec.loader.exec_module(module)
    sys.modules[name] = module
    return module


@contextmanager
def _blaming(file: Path) -> Iterator[None]:
    """Say which plugin file failed: a user's file may raise anything at all."""
    try:
        yield
    except Exception as error:
        raise UserError(f"the plugin {file} failed: {type(error).__name__}: {error}") from error
