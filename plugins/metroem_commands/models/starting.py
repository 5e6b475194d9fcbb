"""New pyramids and modules, from recipes."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

import torch

from metroem_core.errors import UserError
from metroem_core.files import whole
from metroem_core.kinds import Network
from metroem_core.module_folder import save_module
from metroem_core.spec import build, parse
from metroem_registry import did_you_mean, installed


def recipes() -> list[str]:
    """The names of all recipes."""
    folder = resources.files("metroem_commands.recipes")
    return sorted(Path(each.name).stem for each in folder.iterdir() if each.name.endswith(".yaml"))


def recipe(name: str) -> dict[str, Any]:
    """The network that a recipe describes, as it would stand in a spec."""
    if name not in recipes():
        near = did_you_mean(name, recipes())
        hint = f"Did you mean '{near}'?" if near else f"There are {', '.join(recipes())}"
        raise UserError(f"no recipe is called '{name}'. {hint}")
    with resources.as_file(resources.files("metroem_commands.recipes") / f"{name}.yaml") as path:
        value: dict[str, Any] = parse(path)[0]
    return value


def start(folder: Path, name: str, mips: tuple[int, ...], seed: int) -> list[Path]:
    """Write a pyramid of new modules, or a module; the same seed gives the same weights.

    :param mips: of the pictures that the modules take, in the order in which they are run. Without
        any, the folder becomes a module itself.
    """
    if folder.exists():
        raise UserError(f"{folder} exists; name a folder that does not")
    if list(mips) != sorted(mips, reverse=True):
        raise UserError(f"mips go from coarse to fine, as in 5 4 3; not {' '.join(map(str, mips))}")
    registry = installed()
    network: Network = build(recipe(name), Network, registry)
    facts: list[dict[str, Any]] = [{"mip": mip} for mip in mips] or [{}]
    names = [f"{number}_mip{mip}in_{name}" for number, mip in enumerate(mips)] or [""]
    state = torch.random.get_rng_state()
    try:
        torch.manual_seed(seed)
        with whole(folder) as part:
            for module, known in zip(names, facts, strict=True):
                card = {**known, "recipe": name, "seed": seed, "trained": False}
                save_module(part / module, network, network.build(), card, registry)
    finally:
        torch.random.set_rng_state(state)
    return [folder / module for module in names]
