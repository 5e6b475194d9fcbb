"""Where modules lie while they are trained, and what they are made from."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from metroem_core.blocks import made_from
from metroem_core.errors import UserError
from metroem_core.files import alone, state, write_json
from metroem_core.pyramid_folder import stages_of
from metroem_core.sets import PairSet
from metroem_registry import Registry

from .saving import BEST, LAST, load
from .trainee import write_new

if TYPE_CHECKING:
    from metroem_core.run import Run

    from ..train import Train

WITHOUT = ("executor", "to", "workers", "device", "save_every", "pictures_every")
OWN = ".training"  # hidden, so that it does not count as a module
ABOUT = "training.json"
LEFT = (LAST, BEST, "log.jsonl", OWN)  # of an earlier training, not copied

Made = dict[str, Any]


@attrs.frozen
class Workshop:
    """The folder of modules at work: the one that they come from, or ``TO.part`` until all is done.

    :param source: the folder of the aligner, or None for a new network.
    """

    to: Path
    source: Path | None
    pyramid: bool

    @classmethod
    def of(cls, step: Train, registry: Registry) -> Workshop:
        """The workshop of a step."""
        path = getattr(step.aligner, "path", None)
        pyramid = kind_of_aligner(step, registry) == "pyramid"
        return cls(Path(step.to), None if path is None else Path(path), pyramid)

    @property
    def in_place(self) -> bool:
        """Whether the folder of the aligner is the one that is trained."""
        return self.source is not None and self.to.resolve() == self.source.resolve()

    @property
    def folder(self) -> Path:
        """Where modules lie now."""
        return self.to if self.in_place else Path(f"{self.to}.part")

    def is_done(self, made: Made) -> bool:
        """Whether this very training is finished."""
        known = about(self.to)
        return known is not None and known["made_from"] == made and bool(known["finished"])

    @contextmanager
    def open(self, made: Made, step: Train, run: Run) -> Iterator[None]:
        """The workshop with its modules, for one training at a time.

        One that was left in it makes way as long as nothing that it learnt was saved.

        :raises UserError: when another training has it or was left in it, or when there is
            something else where its result shall be.
        """
        self.check_free(made, run.folder)
        with alone(self.folder / OWN):
            known = about(self.folder)
            if known is None or self._makes_way(known, made):
                self._begin(made, step, run.registry)
            elif known["made_from"] != made:
                raise UserError(
                    f"{self.folder} holds an unfinished training with another "
                    f"{difference(known['made_from'], made)}. Go on with the former settings, or "
                    f"remove {self._leftover(known)} to begin anew"
                )
            yield

    def check_free(self, made: Made, run_folder: Path) -> None:
        """Refuse a destination that holds anything else; one in the run folder is replaced."""
        known = about(self.to) if self.to.exists() else None
        if self.in_place or not self.to.exists() or self.to.is_relative_to(run_folder):
            return
        if known is None or known["made_from"] != made:
            raise UserError(f"{self.to} exists already. Remove it, or choose another folder")

    def finish(self, made: Made) -> None:
        """Give the modules their place."""
        write_json(self.folder / OWN / ABOUT, {"made_from": made, "finished": True})
        if self.in_place:
            return
        old = self.to.with_name(f".{self.to.name}.old")
        if self.to.exists():
            shutil.rmtree(old, ignore_errors=True)
            self.to.rename(old)
        self.folder.rename(self.to)
        shutil.rmtree(old, ignore_errors=True)

    def _makes_way(self, known: Made, made: Made) -> bool:
        """Whether a training that was here before is over, or came to nothing."""
        if known["finished"]:
            return self.in_place
        return known["made_from"] != made and not has_learnt(self.folder, known["made_from"])

    def _begin(self, made: Made, step: Train, registry: Registry) -> None:
        if not self.in_place:
            self._fill(step, registry)
        write_json(self.folder / OWN / ABOUT, {"made_from": made, "finished": False})

    def _fill(self, step: Train, registry: Registry) -> None:
        """Copy the modules here, or write a new one."""
        for each in self.folder.iterdir():
            if each.name != OWN:
                shutil.rmtree(each) if each.is_dir() else each.unlink()
        if self.source is None:
            write_new(self.folder, step, registry)
            return
        if self.pyramid:
            stages_of(self.source)
        ignore = shutil.ignore_patterns(*LEFT)
        shutil.copytree(self.source, self.folder, ignore=ignore, dirs_exist_ok=True)

    def _leftover(self, known: Made) -> Path:
        return self.folder / OWN if self.in_place else self.folder


def about(folder: Path) -> dict[str, Any] | None:
    """What is known of the training in a folder, or None when there is none."""
    path = folder / OWN / ABOUT
    if not path.is_file():
        return None
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        return {"made_from": dict(known["made_from"]), "finished": known["finished"]}
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path} does not tell of a training. Remove it to begin anew") from None


def has_learnt(folder: Path, made: Made) -> bool:
    """Whether anything that a training learnt was saved."""
    positions = [load(path)["position"] for path in folder.rglob(f"training/{LAST}")]
    return any(
        each["made_from"] == hash_of(made)
        and (each["phase"], each["epoch"], each["batch"]) > (0, 0, 0)
        for each in positions
    )


def made_of(step: Train, run: Run, workshop: Workshop, pairs: PairSet) -> Made:
    """What a training is made from: settings, pictures, their split, and weights at the start.

    Weights that are trained in place change, and so do the fields in a set; both do not count.
    """
    settings = made_from(run, step, WITHOUT)["parameters"]
    shown = [(*series.images.values(), *series.labels.values()) for series in pairs.series]
    files = [file.path for each in shown for file in each]
    made = {
        "settings": settings,
        "pictures": {path.name: state(str(path)) for path in files},
        "split": hash_of({"split": pairs.split()}),
    }
    if workshop.source is not None and not workshop.in_place:
        made["weights"] = state(str(workshop.source))
    return dict(json.loads(json.dumps(made)))


def hash_of(made: Made) -> str:
    """What tells a training from others, shortly."""
    return hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()


def difference(before: Made, now: Made) -> str:
    """The name of the first thing that two trainings do not have in common."""
    for name, value in now.items():
        old = before.get(name)
        if old != value:
            nested = name == "settings" and isinstance(old, dict)
            return f"'{difference(old, value)}'" if nested else name  # type: ignore[arg-type]
    return "settings"


def kind_of_aligner(step: Train, registry: Registry) -> str:
    """What a spec calls the aligner.

    :raises UserError: when it is none that can be trained.
    """
    name = registry.entry_of("aligner", type(step.aligner)).name
    if name not in ("pyramid", "module"):
        raise UserError(f"only the aligners 'pyramid' and 'module' can be trained, not '{name}'")
    return name
