"""With which weights the training of a pyramid begins."""

from __future__ import annotations

from typing import Any

import attrs

from metroem_core.module_folder import MODULE
from metroem_core.pyramid_folder import Stage, stages_of


@attrs.frozen
class Start:
    """Where training starts.

    :param settings: of the step `train`.
    :param notes: what people should know of it, a line each.
    """

    settings: dict[str, Any] = attrs.field(factory=dict)
    notes: tuple[str, ...] = ()


def start_of(choices: dict[str, Any]) -> Start:
    """The start that the flags ask for.

    A module of the older programs begins with the state dict of the checkpoint's name, and if
    there is none with new weights; for finetuning, with the state dict that there is.

    :raises UserError: when the pyramid has not the stages that the flags name.
    """
    pyramid, name = choices["pyramid_path"], choices["checkpoint_name"]
    if not pyramid.is_dir():
        return Start()
    stages = stages_of(pyramid)
    stages_of(pyramid, (*choices["train_stages"], *choices["generate_field_stages"]))
    trained = [
        each for each in stages if each.number in (choices["train_stages"] or (each.number,))
    ]
    older = [each for each in trained if not (each.folder / MODULE).is_file()]
    named = [each for each in older if state_dict(each, name)]
    if older and named == older:
        return Start({"aligner": {"type": "pyramid", "path": str(pyramid), "checkpoint": name}})
    if older == trained and not named and choices["train_mode"] != "finetune":
        note = f"{pyramid} has no weights called '{name}': training begins with new ones"
        return Start({"fresh": True}, (note,))
    return Start()


def state_dict(stage: Stage, name: str) -> bool:
    """Whether a module of the older programs has a state dict of a name."""
    places = (stage.folder, stage.folder / "model")
    return any((place / f"{name}.state.pth.tar").is_file() for place in places)
