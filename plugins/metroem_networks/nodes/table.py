"""What the types of nodes in a network JSON are called, and how to build them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import nn

from metroem_core.checkpoint import fill, load_weights
from metroem_registry import did_you_mean

from .chains import modelwithweights, sequence, siamese_net, transparentseq
from .channels import fm_range_apply, split_processor
from .convblock import convblock
from .levels import scalenet
from .masked import mask_output_based_on_input, masked_normalize
from .part import Part
from .regression import categorical_regression
from .simple import Add, Identity, Interpolate, LogSoftmax, custom_layer, interpolate
from .warps import hindsight_warp, rollback_warp, warp_with_input_downmodule

NODES: dict[str, Callable[[Part], nn.Module]] = {
    "add": lambda part: Add(),
    "categorical_regression": categorical_regression,
    "convblock": convblock,
    "custom_layer": custom_layer,
    "fm_range_apply": fm_range_apply,
    "hindsight_warp": hindsight_warp,
    "identity": lambda part: Identity(),
    "interpolate": interpolate,
    "log_softmax": lambda part: LogSoftmax(),
    "mask_output_based_on_input": mask_output_based_on_input,
    "masked_normalize": masked_normalize,
    "modelwithweights": modelwithweights,
    "rollback_warp": rollback_warp,
    "scalenet": scalenet,
    "sequence": sequence,
    "siamese_net": siamese_net,
    "split_processor": split_processor,
    "transparentseq": transparentseq,
    "upsample_residuals": lambda part: Interpolate(factor=2),
    "warp_with_input_downmodule": warp_with_input_downmodule,
}


def build(value: Any, at: str) -> nn.Module:
    """The layers that a value without includes describes.

    Every node is called with what it works on, and with the :class:`Incoming` field or None.

    :param at: where it stands, for people.
    """
    return _node(Part.of(value, at, _node))


def _node(part: Part) -> nn.Module:
    word = part.get("type", str)
    builder = NODES.get(word.lower())
    if builder is None:
        near = did_you_mean(word, NODES)
        hint = f"Did you mean '{near}'?" if near else f"There are: {', '.join(NODES)}"
        part.refuse(f"is '{word}', but no node is called so. {hint}", "type")
    node: nn.Module = builder(part)  # type: ignore[misc]
    if not part.get("trainable", bool, True):
        node.requires_grad_(False)
    initial = part.get("checkpoint_init", str, None)
    if initial is not None:
        fill(node, load_weights(Path(initial)), initial)
    return node
