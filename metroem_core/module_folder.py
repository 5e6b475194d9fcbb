"""Module folders: a network, its weights, and what is known of it.

We write ``module.json`` and ``weights.safetensors``. Folders of the older programs are read too:
``model_spec.json`` and a state dict, both in the folder or both in ``model/`` inside it. Nothing
in a folder is ever run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
from torch import nn

from metroem_registry import Registry, installed

from .checkpoint import Filled, fill, load_weights, save_weights, weights_of
from .errors import UserError
from .files import write_json
from .kinds import Network
from .module_history import check_name
from .spec import SpecError, build, dump, parse
from .spec.paths import is_url

MODULE, WEIGHTS = "module.json", "weights.safetensors"
OLDER, USUAL, STATE = "model_spec.json", "checkpoint.state.pth.tar", "*.state.pth.tar"
FORMAT = 1


@attrs.frozen(eq=False)
class Description:
    """What a module folder says, without its weights.

    :param network: what builds the network; it needs no other files.
    :param weights: the file that they are in.
    :param card: what is known of it: mip, resolution, training set, metrics, or anything else.
    """

    network: Network
    weights: Path
    card: dict[str, Any]


@attrs.frozen(eq=False)
class Loaded:
    """What a module folder holds.

    :param network: the layers with their weights, not in training.
    :param description: what the folder says of them.
    :param filled: how the weights fitted.
    """

    network: nn.Module
    description: Description
    filled: Filled


def load_module(
    folder: str | Path,
    level_in: int | None = None,
    checkpoint: str | None = None,
    partly: bool = False,
    registry: Registry | None = None,
) -> Loaded:
    """The network in a module folder, with its weights.

    :param level_in: the level of the pictures, where the folder does not say it rightly.
    :param checkpoint: which of several state dicts to read, as ``NAME`` in
        ``NAME.state.pth.tar``. Beside ``module.json`` there are only the weights that its last
        training made, which must have that name.
    :param partly: whether weights may be missing or have another shape; they are new then.
    :param registry: where networks are found; all that are installed, unless given.
    :raises UserError: when it is no module folder, or its weights have another name or belong to
        another network.
    """
    description = describe_module(folder, level_in, checkpoint, registry)
    if checkpoint is not None and description.weights.name == WEIGHTS:
        check_name(Path(folder), checkpoint)
    network = description.network.build().eval()
    weights = load_weights(description.weights)
    return Loaded(network, description, fill(network, weights, description.weights, partly))


def describe_module(
    folder: str | Path,
    level_in: int | None = None,
    checkpoint: str | None = None,
    registry: Registry | None = None,
) -> Description:
    """What a module folder says, without reading its weights; parameters as above."""
    if is_url(str(folder)):
        raise UserError(f"{folder} must be copied here first: metroem model load {folder} FOLDER")
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder, so it cannot be a module")
    registry = registry or installed()
    if (folder / MODULE).is_file():
        return _ours(folder, level_in, registry)
    for inside in (folder, folder / "model"):
        if (inside / OLDER).is_file():
            value = {"type": "scalenet", "spec": str(inside / OLDER), "legacy_accumulate": True}
            network = _network(value, level_in, inside / OLDER, registry)
            return Description(network, _state_dict(inside, checkpoint), {})
    if (folder / "create.py").is_file():
        raise UserError(
            f"{folder} has no {OLDER}, only create.py, which is code and is not run. "
            f"If you trust who made it: metroem model convert --trust {folder} NEW_FOLDER"
        )
    raise UserError(
        f"{folder} is no module folder: it has neither {MODULE} nor {OLDER}. "
        "`metroem model --help` tells how to load or to begin one"
    )


def save_module(
    folder: Path,
    network: Network,
    layers: nn.Module,
    card: dict[str, Any],
    registry: Registry | None = None,
) -> None:
    """Write a module folder. What else is in the folder stays there.

    :param network: what builds the layers. Its ``portable()``, where it has one, is the same
        without other files.
    :param layers: whose weights are saved.
    :param card: what is known of it, as JSON can hold it.
    """
    alone = network.portable() if hasattr(network, "portable") else network
    value = dump(alone, Network, registry or installed())
    save_weights(folder / WEIGHTS, weights_of(layers))
    write_json(folder / MODULE, {"format": FORMAT, "network": value, "card": card})


def _ours(folder: Path, level_in: int | None, registry: Registry) -> Description:
    path = folder / MODULE
    value, problems = parse(path)
    if problems:
        raise UserError(f"{path}: {problems[0].text}")
    if not isinstance(value, dict) or not isinstance(value.get("network"), dict):
        raise UserError(f"{path} does not say which network it is: it needs 'network'")
    if value.get("format") != FORMAT:
        raise UserError(
            f"{path} has the format {value.get('format')!r}; this program reads {FORMAT}. "
            "Write it again, or update the program"
        )
    network = _network(value["network"], level_in, path, registry)
    return Description(network, folder / WEIGHTS, dict(value.get("card") or {}))


def _network(
    value: dict[str, Any], level_in: int | None, path: Path, registry: Registry
) -> Network:
    """The network of a value; the paths in it start at the file it stands in."""
    if level_in is not None:
        value = {**value, "level_in": level_in}
    try:
        network: Any = build(value, Network, registry, base=path.parent)
    except SpecError as error:
        texts = [f"{p.at.replace('spec', 'network', 1)}: {p.text}" for p in error.problems]
        raise UserError(f"{path}: {'; '.join(texts)}") from None
    portable: Network = network.portable() if hasattr(network, "portable") else network
    return portable


def _state_dict(folder: Path, checkpoint: str | None) -> Path:
    """The state dict of an older folder, of that name or the usual one or the only one."""
    if checkpoint is not None:
        return folder / f"{checkpoint}.state.pth.tar"
    found = sorted(folder.glob(STATE))
    usual = [each for each in found if each.name == USUAL]
    if len(usual or found) == 1:
        return (usual or found)[0]
    names = ", ".join(each.name for each in found)
    raise UserError(
        f"{folder} has several state dicts; say which with 'checkpoint': {names}"
        if found
        else f"{folder} has no weights: there is no {USUAL} in it"
    )
