"""Weights of networks in files: written whole, read without running anything.

Files are written as safetensors, which hold nothing but numbers. State dicts saved by torch are
read as well, as far as they hold nothing else.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs
import torch
from torch import Tensor, nn

from .errors import UserError, said
from .files import check_file, whole

Weights = dict[str, Tensor]


def save_weights(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Write tensors by name as safetensors; the file appears whole or not at all."""
    from safetensors.torch import save

    apart = {name: each.detach().cpu().contiguous() for name, each in weights.items()}
    with whole(path) as part:
        part.write_bytes(save(apart))  # save_file would let nobody else read it


def load_weights(path: Path) -> Weights:
    """The tensors by name in a file, on the CPU: safetensors, or a state dict saved by torch.

    :raises UserError: when it is cut short, or holds anything but tensors by name.
    """
    check_file(path)
    found = _safetensors(path) if path.suffix == ".safetensors" else _state_dict(path)
    if not isinstance(found, Mapping) or not found:
        raise UserError(f"{path} holds {_words(found)}, not weights by name")
    odd = [name for name, each in found.items() if not isinstance(each, Tensor)]
    if odd:
        raise UserError(
            f"{path} is no state dict: its {str(odd[0])!r} is {_words(found[odd[0]])}. "
            "Save the weights by name alone"
        )
    return {str(name): each for name, each in found.items()}


def weights_of(network: nn.Module) -> Weights:
    """The weights of a network, each under the first of its names."""
    return {names[0]: tensor.detach() for names, tensor in _by_tensor(network)}


@attrs.frozen
class Filled:
    """How weights from a file fit a network, by name. A weight with several names counts once.

    :param loaded: weights of the network that now have the values from the file.
    :param missing: weights of the network that the file does not have.
    :param mismatched: weights that have another shape in the file, and what the shapes are.
    :param unknown: what the file has and the network does not.
    """

    loaded: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    mismatched: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    def __str__(self) -> str:
        counts = {f.name: len(getattr(self, f.name)) for f in attrs.fields(Filled)}
        return ", ".join(f"{count} {name}" for name, count in counts.items())


def fill(network: nn.Module, weights: Weights, where: Any, partly: bool = False) -> Filled:
    """Give a network the weights from a file.

    :param where: the file, for people.
    :param partly: whether some may be missing or have another shape, and stay as they are.
    :raises UserError: when they are weights of another network. Then nothing is changed.
    """
    named = _by_tensor(network)
    known = {name for names, _ in named for name in names}
    fitting, missing, mismatched = {}, [], []
    for names, tensor in named:
        given = [name for name in names if name in weights]
        fits = [name for name in given if weights[name].shape == tensor.shape]
        if fits:
            fitting[fits[0]] = tensor
        elif given:
            shapes = f"{_shape(weights[given[0]])}, not {_shape(tensor)}"
            mismatched.append(f"{given[0]} ({shapes})")
        else:
            missing.append(names[0])
    unknown = [name for name in weights if name not in known]
    filled = Filled(*map(tuple, (fitting, missing, mismatched, unknown)))
    _refuse_others(filled, where, partly)
    with torch.no_grad():
        for name, tensor in fitting.items():
            tensor.copy_(weights[name])
    return filled


def _refuse_others(filled: Filled, where: Any, partly: bool) -> None:
    wanted = [*filled.missing, *filled.mismatched]
    if wanted and not filled.loaded:
        raise UserError(
            f"{where} has weights of another network: it has {_some(filled.unknown)}; "
            f"this network needs {_some(wanted)}"
        )
    if wanted and not partly:
        kinds = {"missing": filled.missing, "of another shape": filled.mismatched}
        told = [
            f"{len(names)} are {kind}: {_some(names)}" for kind, names in kinds.items() if names
        ]
        count = len(wanted) + len(filled.loaded)
        raise UserError(f"{where} does not fit the network. Of {count} weights {'; '.join(told)}")


def _by_tensor(network: nn.Module) -> list[tuple[list[str], Tensor]]:
    """The weights of a network, each with all its names."""
    found: dict[int, tuple[list[str], Tensor]] = {}
    for name, tensor in network.state_dict(keep_vars=True).items():
        found.setdefault(id(tensor), ([], tensor))[0].append(name)
    return list(found.values())


def _safetensors(path: Path) -> Any:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, ValueError, KeyError) as error:
        raise UserError(f"{path} is cut short or broken: {said(error)}") from None


def _state_dict(path: Path) -> Any:
    """What torch saved, made by a reader that refuses everything but plain values."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about what is refused a moment later
            return torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # a broken pickle may raise anything
        text = str(error)
        if "weights_only" in text and ("nsupported" in text or "TorchScript" in text):
            raise UserError(
                f"{path} holds more than weights: it would run code when it is read, so it was "
                "not. If you trust who made it: metroem model convert --trust"
            ) from None
        reason = said(error).partition(". ")[0]
        raise UserError(f"{path} is cut short or no file of weights: {reason:.200}") from None


def _some(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:2]) + (", ..." if len(names) > 2 else "") if names else "none"


def _shape(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "a single number"


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return "a mapping" if value else "nothing"
    return f"a {type(value).__name__}"
