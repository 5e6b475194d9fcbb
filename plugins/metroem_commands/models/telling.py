"""What is in module and pyramid folders, for people and programs."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

from torch import nn

from metroem_core.module_folder import Loaded, load_module
from metroem_core.pyramid_folder import NAME, stages_of


def modules_in(folder: Path) -> list[Path]:
    """The module folders of a pyramid, or the folder itself where it is a module."""
    if folder.is_dir() and any(NAME.fullmatch(each.name) for each in folder.iterdir()):
        return [each.folder for each in stages_of(folder)]
    return [folder]


def facts(folder: Path, checkpoint: str | None = None) -> dict[str, Any]:
    """What is known of a module, by name.

    ``sees`` is how many pixels around a place its vector depends on, or None for all of them.
    """
    loaded = load_module(folder, checkpoint=checkpoint, partly=True)
    halo = getattr(loaded.network, "halo", lambda: math.inf)()
    named = NAME.fullmatch(folder.name)
    return {
        "folder": str(folder),
        "network": type(loaded.description.network).__name__,
        "nodes": nodes(loaded.network),
        "parameters": sum(each.numel() for each in loaded.network.parameters()),
        "sees": None if math.isinf(halo) else math.ceil(halo),
        "mip": loaded.description.card.get("mip", int(named[2]) if named else None),
        "weights": fitting(loaded),
        "card": loaded.description.card,
    }


def nodes(network: nn.Module) -> dict[str, int]:
    """How many layers of every type there are."""
    kinds = [type(each).__name__ for each in network.modules()]
    return dict(sorted(Counter(kinds).items()))


def fitting(loaded: Loaded) -> dict[str, Any]:
    """Which file the weights are from, and how they fit."""
    filled = loaded.filled
    return {
        "file": str(loaded.description.weights),
        "loaded": len(filled.loaded),
        "missing": list(filled.missing),
        "mismatched": list(filled.mismatched),
        "unknown": list(filled.unknown),
    }


def text(found: dict[str, Any]) -> str:
    """The facts of a module, a line each."""
    weights = found["weights"]
    lines = {
        "network": found["network"],
        "nodes": ", ".join(f"{count} {name}" for name, count in found["nodes"].items()),
        "parameters": f"{found['parameters']:,}",
        "sees": "the whole picture" if found["sees"] is None else f"{found['sees']} px around",
        "mip": "not said" if found["mip"] is None else str(found["mip"]),
        "weights": f"{weights['file']}: {weights['loaded']} loaded",
    }
    for kind in ("missing", "mismatched", "unknown"):
        if weights[kind]:
            lines[kind] = ", ".join(weights[kind])
    lines |= {name: str(value) for name, value in found["card"].items() if name != "mip"}
    return "\n".join([found["folder"], *(f"  {name:<12}{said}" for name, said in lines.items())])
