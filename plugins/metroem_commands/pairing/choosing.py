"""The aligner that the command line asks for."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from metroem_core.errors import UserError
from metroem_core.kinds import Aligner
from metroem_core.plugins import components
from metroem_core.spec import SpecError, build

DEFAULT = ["block_match", "optimise"]

_stage = re.compile(r"\d+_mip\d+in_.+")


def aligner_spec(text: str | None, model: Path | None, level_in: int | None) -> Any:
    """What a spec would say, of ``--aligner``, ``--model`` and ``--level-in``."""
    if model is None:
        if level_in is not None:
            raise UserError("--level-in is about the folder of --model; name one")
        return DEFAULT if text is None else _parsed(text)
    if text is not None:
        raise UserError("--model and --aligner both name an aligner: leave one of them away")
    if any(_stage.fullmatch(each.name) for each in model.iterdir()):
        if level_in is not None:
            raise UserError(f"{model} is a pyramid, whose stages know their level: no --level-in")
        return {"type": "pyramid", "path": str(model)}
    level = {} if level_in is None else {"level_in": level_in}
    return {"type": "module", "path": str(model), **level}


def choose(spec: Any, plugin_files: tuple[Path, ...], tile: int | None, device: str) -> Aligner:
    """The aligner of a spec, which works in tiles or elsewhere if wanted."""
    if tile is not None or device != "cpu":
        size = {} if tile is None else {"size": tile}
        spec = {"type": "tiled", "aligner": spec, "device": device, **size}
    try:
        return build(spec, Aligner, components(plugin_files))  # type: ignore[no-any-return]
    except SpecError as error:
        raise UserError(f"there is no such aligner.\n{error}") from None


def _parsed(text: str) -> Any:
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise UserError(f"--aligner is neither a name nor JSON: {error}") from None
