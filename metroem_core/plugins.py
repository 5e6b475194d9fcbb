"""Which plugins take part: what is installed, and the files named with ``--plugin``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import pluggy

from metroem_registry import Registry, installed

from . import hookspecs
from .errors import UserError, explain, said
from .files import check_file


@attrs.frozen
class Listeners:
    """Everybody who wants to hear what happens in a run."""

    manager: pluggy.PluginManager

    def tell(self, hook: str, **what: Any) -> None:
        """Call a hook of every listener; of the others too when one of them fails.

        :raises UserError: naming the first that failed.
        """
        failures: list[tuple[str, Exception]] = []
        for listener in getattr(self.manager.hook, hook).get_hookimpls():
            try:
                listener.function(*(what[name] for name in listener.argnames))
            except Exception as error:  # a plugin may raise anything at all
                failures.append((listener.plugin_name, error))
        for name, failure in failures:
            text = explain(failure) if isinstance(failure, OSError) else said(failure)
            raise UserError(f"the listener {name} failed: {text}") from failure


def components(files: Iterable[Path] = ()) -> Registry:
    """The registry of everything installed, and of what plugin files add to it."""
    registry = installed()
    for file in _once(files):
        hooks = _manager()
        _register(hooks, _module(file), str(file))
        with _blaming(file):
            hooks.hook.metroem_register_components(registry=registry)
    return registry


def listeners(registry: Registry, files: Iterable[Path] = ()) -> Listeners:
    """Every installed listener, and every plugin file.

    :raises RegistryError: when an installed listener cannot be imported, naming it.
    """
    hooks = _manager()
    for entry in registry.entries("hooks"):
        module = registry.get("hooks", f"{entry.dist}:{entry.name}")
        _register(hooks, module, f"{entry.name} of {entry.dist} {entry.version}")
    for file in _once(files):
        _register(hooks, _module(file), str(file))
    return Listeners(hooks)


def check_hooks(module: ModuleType, name: str) -> None:
    """Refuse a module that implements no hook, or one that there is not.

    :raises UserError: naming the module.
    """
    _register(_manager(), module, name)


def _manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager("metroem")
    manager.add_hookspecs(hookspecs)
    return manager


def _register(manager: pluggy.PluginManager, module: ModuleType, name: str) -> None:
    if manager.is_registered(module):
        return
    try:
        manager.register(module, name)
        manager.check_pending()
    except (pluggy.PluginValidationError, ValueError) as error:
        raise UserError(f"the plugin {name} misuses a hook. {said(error)}") from None
    if not manager.get_hookcallers(module):
        raise UserError(
            f"the plugin {name} implements no hook. Mark its functions with "
            "@metroem_core.hookimpl; to add components, implement metroem_register_components"
        )


def _once(files: Iterable[Path]) -> Iterable[Path]:
    """Every file once, however often and in whichever way it is named."""
    return dict.fromkeys(Path(file).resolve() for file in files)


def _module(file: Path) -> ModuleType:
    """The module in a file, imported once in a process."""
    check_file(file)
    name = f"metroem_plugin_{file.stem}"
    while name in sys.modules:
        if sys.modules[name].__file__ == str(file):
            return sys.modules[name]
        name += "_"  # another file of the same name
    spec = spec_from_file_location(name, file)
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
    except (Exception, SystemExit) as error:
        raise UserError(f"the plugin {file} failed: {said(error)}") from error
