"""Modules of the older programs as modules of ours: one JSON and safetensors."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from metroem_core.checkpoint import Weights, fill, load_weights
from metroem_core.errors import UserError, said
from metroem_core.files import whole
from metroem_core.kinds import Network
from metroem_core.module_folder import OLDER, describe_module, load_module, save_module
from metroem_core.plugins import components

ARCHIVED = "encoder_pyramid"  # the network of the stack aligner

CREATE = """
import sys, torch
sys.path.insert(0, ".")
from create import create
made = create()
layers = getattr(getattr(made, "aligner", made), "net", getattr(made, "aligner", made))
torch.save(layers.state_dict(), sys.argv[1])
"""


def convert(
    source: Path,
    folder: Path,
    network: Network | None = None,
    checkpoint: str | None = None,
    card: dict[str, Any] | None = None,
    trust: bool = False,
) -> object:
    """Write the module folder of an older module folder, or of a file of weights.

    What it gives back tells how the weights fitted.

    :param network: what the weights are for, where the source does not say it.
    :param checkpoint: which of several state dicts in the source to take.
    :param card: what is known of the module.
    :param trust: run what is in the source: ``create.py``, or the code in a pickle.
    :raises UserError: when anything is missing, or would have to be run and is not trusted.
    """
    if folder.exists():
        raise UserError(f"{folder} exists; name a folder that does not")
    filled: object
    if network is None and describes_itself(source) and not trust:
        loaded = load_module(source, checkpoint=checkpoint)
        network, layers, filled = loaded.description.network, loaded.network, loaded.filled
        card = {**loaded.description.card, **(card or {})}
    elif network is not None and is_archive(source, network) and not trust:
        layers = archived(source, network)
        filled = layers.fitted
    else:
        network = network or described(source, checkpoint)
        layers = network.build().eval()
        filled = fill(layers, weights_of(source, checkpoint, trust), source)
    write(folder, network, layers, card or {})
    return filled


def is_archive(source: Path, network: Network) -> bool:
    """Whether a source is a file of weights of the stack aligner, going by the network."""
    return source.is_file() and components().entry_of("network", type(network)).name == ARCHIVED


def archived(source: Path, network: Network) -> nn.Module:
    """The layers with what fits of an archive, and in ``fitted`` how much that is."""
    made = components().get("aligner", "seamless")(path=str(source), network=network).build()
    return next(each for each in made.modules() if hasattr(each, "fitted"))


def write(folder: Path, network: Network, layers: nn.Module, card: dict[str, Any]) -> None:
    """A module folder, which appears whole or not at all."""
    with whole(folder) as part:
        part.mkdir()
        save_module(part, network, layers, card)


def describes_itself(source: Path) -> bool:
    """Whether a source is a folder with a description of its network."""
    return source.is_dir() and any(
        (source / inside).is_file() for inside in ("module.json", OLDER, f"model/{OLDER}")
    )


def described(source: Path, checkpoint: str | None) -> Network:
    """The network that a source says it is."""
    if not describes_itself(source):
        raise UserError(
            f"{source} does not say which network its weights are for. Say it with --network, "
            "as in --network encoder_pyramid"
        )
    return describe_module(source, checkpoint=checkpoint).network


def weights_of(source: Path, checkpoint: str | None, trust: bool) -> Weights:
    """The weights in a source. Code in it runs only when it is trusted."""
    if source.is_dir() and (source / "create.py").is_file() and trust:
        return created(source)
    path = describe_module(source, checkpoint=checkpoint).weights if source.is_dir() else source
    return unpickled(path) if trust and path.suffix != ".safetensors" else load_weights(path)


def created(folder: Path) -> Weights:
    """The weights of what a folder's ``create.py`` makes, in a process of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "weights.pt"
        ran = subprocess.run(
            [sys.executable, "-c", CREATE, str(path)],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode:
            last = (ran.stderr.strip().splitlines() or ["it ended without a word"])[-1]
            raise UserError(f"{folder / 'create.py'} failed: {last:.300}")
        return load_weights(path)


def unpickled(path: Path) -> Weights:
    """The weights in a pickle, whatever else it runs or holds."""
    try:
        found = torch.load(path, map_location="cpu", weights_only=False)
    except OSError:
        raise
    except Exception as error:  # a pickle may raise anything
        raise UserError(f"{path} cannot be unpickled: {said(error):.300}") from None
    found = found.state_dict() if isinstance(found, nn.Module) else found
    if not isinstance(found, dict) or not all(isinstance(each, Tensor) for each in found.values()):
        raise UserError(f"{path} holds {type(found).__name__}, neither a network nor its weights")
    return found
