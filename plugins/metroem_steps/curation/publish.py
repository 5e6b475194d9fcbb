"""From finished pairs to a set that has its name."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from metroem_core.errors import UserError
from metroem_core.files import whole, write_json
from metroem_core.kinds import PairPlace
from metroem_core.sets import merged, read_about, write_about

from .parts import Parts, assemble, files_of

if TYPE_CHECKING:
    from ..curate import Curate

BEGUN = "begun.json"


@attrs.frozen
class Publisher:
    """Makes a set of finished pairs.

    :param made: what the set is made of and how, in plain values.
    """

    step: Curate
    places: Sequence[PairPlace]
    workshop: Path
    made: dict[str, Any]

    @property
    def series(self) -> str:
        """What the pairs are called."""
        x, y, z = self.places[0].src
        return f"x{x}_y{y}_z{z}" + (f"_{self.step.suffix}" if self.step.suffix else "")

    @property
    def stage(self) -> Path:
        """Where files lie that are about to be added to a set."""
        return self.workshop / "set"

    def check_free(self, run_folder: Path) -> None:
        """Refuse a destination that holds anything else.

        A set in the run folder is replaced, and one elsewhere only by itself. A volume is not
        written again, but for one in the run folder, and one that this set has begun to write.
        """
        if not self._has_begun():
            for name in volumes_there(self.step, run_folder):
                raise UserError(f"{name} exists already. Remove it, or choose another volume")
        to = Path(self.step.to)
        if self.step.add:
            names = [str(name) for _, name in files_of(self.step, self.places[0].src)]
            there = [name for name in names if (to / name).exists()]
            if there and not self._is_staged():
                raise UserError(
                    f"{to / there[0]} exists already. Remove it, or choose another folder"
                )
        elif to.exists() and not to.is_relative_to(run_folder) and self._made(to) != self.made:
            raise UserError(f"{to} exists already. Remove it, or choose another folder")

    def begin(self) -> None:
        """Note that the volumes of the set are about to be made, and from what."""
        write_json(self.workshop / BEGUN, self.made)

    def _has_begun(self) -> bool:
        note = self.workshop / BEGUN
        return note.exists() and json.loads(note.read_text(encoding="utf-8")) == self.made

    def publish(self) -> list[str]:
        """Give the set its name, and answer the notes of its pairs."""
        parts = Parts(self.workshop / "pairs")
        known = [parts.facts(index) for index in range(len(self.places))]
        about = {self.series: self.about(known)}
        if self.step.add:
            if not self._is_staged():
                shutil.rmtree(self.stage, ignore_errors=True)
                self._write(parts, known, about, self.stage)
            self._move()
        else:
            with whole(self.step.to) as folder:
                self._write(parts, known, about, folder)
        self._clear()
        return [f"pair {k}: {note}" for k, each in enumerate(known) for note in notes_of(each)]

    def about(self, known: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """What ``set.json`` says of the pairs."""
        return {
            "pairs": len(self.places),
            "places": [[list(place.src), list(place.tgt)] for place in self.places],
            "places_are": "corners" if self.step.corners else "middles",
            "shifts": [each["shifts"] for each in known],
            "split": self.step.validation.split(self.places),
            "mips": {str(mip): self._about_mip(known, str(mip)) for mip in sorted(self.step.mips)},
        }

    def _about_mip(self, known: Sequence[dict[str, Any]], mip: str) -> dict[str, Any]:
        low, high = zip(*(each["ranges"][mip] for each in known), strict=True)
        notes = {str(k): each["notes"][mip] for k, each in enumerate(known) if each["notes"][mip]}
        return {
            "size": list(self.step.size_at(int(mip))),
            "value_range": [min(low), max(high)],
            "normalizer": self.made["spec"]["normalizer"],
            "source_warped": self.step.warps_source,
            "notes": notes,
            "made": self.made,
        }

    def _write(
        self, parts: Parts, known: Sequence[dict[str, Any]], about: dict[str, Any], folder: Path
    ) -> None:
        folder.mkdir()
        attributes = {
            "spec": json.dumps(self.made["spec"]),
            "version": self.made["by"],
            "record": None if self.step.record is None else json.dumps(self.step.record),
            "shift": np.array([each["shifts"] for each in known], np.int64),
            "places": np.array([[place.src, place.tgt] for place in self.places], np.int64),
        }
        assemble(self.step, parts, self.places, folder, attributes)
        write_about(folder, about)

    def _is_staged(self) -> bool:
        """Whether the files to add are complete, and made as they should be."""
        return self._made(self.stage) == self.made

    def _made(self, folder: Path) -> dict[str, Any] | None:
        about = read_about(folder) if folder.is_dir() else None
        series = about["series"].get(self.series) if about else None
        return series["mips"].get(str(self.step.mips[0]), {}).get("made") if series else None

    def _move(self) -> None:
        """Add the staged files to the set, and then what is known of them."""
        to = Path(self.step.to)
        to.mkdir(parents=True, exist_ok=True)
        with locked(to):
            staged = read_about(self.stage)
            series = merged(read_about(to), staged["series"] if staged else {}, to)
            for path in sorted(self.stage.glob("*.h5")):
                os.link(path, to / path.name)
                path.unlink()
            write_about(to, series)

    def _clear(self) -> None:
        """Remove the workshop, what tells that pairs are finished before the pairs."""
        shutil.rmtree(self.workshop / "ledger")
        shutil.rmtree(self.workshop)
        if self.step.add and not any(self.workshop.parent.iterdir()):
            self.workshop.parent.rmdir()


def volumes_there(step: Curate, run_folder: Path) -> Iterator[str]:
    """The volumes, outside of the run folder, that a step shall write and that are there already.

    A sink is asked if it can tell.
    """
    for sink in (step.images, step.fields):
        exists, path = getattr(sink, "exists", None), str(getattr(sink, "path", ""))
        if exists is not None and not Path(path).is_relative_to(run_folder) and exists():
            yield path


def notes_of(known: dict[str, Any]) -> list[str]:
    """The notes of a pair, mip by mip."""
    return [note for notes in known["notes"].values() for note in notes]


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """A folder that others wait for."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
