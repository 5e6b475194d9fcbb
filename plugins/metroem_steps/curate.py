"""From volumes to a set of pairs for training."""

from __future__ import annotations

import logging
import re
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import attrs
from attrs.validators import deep_iterable, ge, gt, min_len, optional

from metroem_core.blocks import Ledger, made_from, work
from metroem_core.geometry import Triple
from metroem_core.kinds import Executor, Mask, Normalizer, PairPlace, Pairs, Plan, Sink, Source
from metroem_core.kinds import Step as StepKind
from metroem_core.record import claim
from metroem_core.sets.names import LABELS
from metroem_core.spec import Output
from metroem_core.spec.dump import dump

from .curation.checks import check, check_room
from .curation.estimate import how_many, plan_of, room
from .curation.frame import Frame, Size
from .curation.outputs import Outputs
from .curation.pictures import Volumes
from .curation.prior import Prior
from .curation.publish import Publisher
from .curation.shifts import Shifts
from .curation.tasks import Maker, tasks_of
from .curation.threads import Threads
from .curation.validation import Validation
from .rendering.places import identity, making

if TYPE_CHECKING:
    from metroem_core.run import Run

TAKEN = ("field", "input")  # by arrays that pairs have beside their pictures
WITHOUT = ("executor", "to", "add")  # parameters that make no difference to the pairs

log = logging.getLogger("metroem.curate")


@attrs.frozen
class Curate:
    """Make a set of pairs: pictures of equal grey values, masked, with the fields found so far.

    The set is a folder of HDF5 files, as the older programs write them, and ``set.json``, which
    says where every pair is, which pairs validate, and how they were made. A killed run goes on
    with the pairs that are missing.

    Where there is a prior field, a picture is read as far away as the field is on average; the
    target is warped by what is left of its field, and what is left of that of the source is kept.

    :param pairs: where the pairs are.
    :param image: the volume of the pictures.
    :param mips: the resolutions of the pictures. All show the same places.
    :param size: columns and rows, in pixels of each mip; one size for all mips, or one for each.
    :param image_mip: the mip to read, and to interpolate from; by default that of the pictures.
    :param field: the fields of an earlier aligner.
    :param masks: what is 0 in the pictures: wherever any of them is not 0.
    :param labels: masks to keep beside the pictures, by name, as ``crack`` and ``fold``: what a
        detector is to find, or, as ``mask``, what is near a defect (1) and in one (2). They are
        read at the mips of the pictures, and moved with them.
    :param normalizer: gives all pictures the same grey values. Without one they are kept.
    :param reference: the volume of the area that the normalizer compares with; by default the
        image.
    :param reference_mip: the mip to read that area from; by default its own.
    :param values: ``unit`` turns uint8 into value / 255 and uint16 into value / 65535, ``raw``
        takes all values as they are.
    :param corners: the places are the upper left corners of the pictures, not their middles.
    :param shifts: how far to move every picture, instead of asking the field.
    :param validation: the pairs to keep for validation; by default the last two.
    :param clean_edges: when a picture is warped, keep grey values from bleeding into areas without
        data. Without it, they are mixed with 0 at the edges.
    :param warp_source: warp the source too. By default only in volumes, which hold no field.
    :param write_zero_field: write a field of zeros where there is no prior field.
    :param lossless: keep all digits of fields. By default they are kept to 0.005 pixels, and
        vectors shorter than 0.01 may become 0.
    :param stage: in the name of the field's file, the module that found it.
    :param tag: in that name, the checkpoint that found it.
    :param suffix: in the names of the files of pictures.
    :param dataset: what pictures are called in their files.
    :param largest_chunk: stored in pieces of up to so many pixels along x and y; by default each
        picture is one.
    :param images: a volume to write the pictures to, instead of files: sections ``2 k`` and
        ``2 k + 1`` are source and target of pair ``k``.
    :param fields: a volume to write the source's fields to: section ``k`` is that of pair ``k``.
    :param add: add the files to a set that may be there already.
    :param record: anything to remember with the set.
    :param executor: what computes pairs side by side; by default a few threads of this process.
    :param to: the folder to write.
    """

    pairs: Pairs
    image: Source
    mips: tuple[int, ...] = attrs.field(
        converter=tuple, validator=[min_len(1), deep_iterable(ge(0))]
    )
    size: tuple[int, int] | tuple[tuple[int, int], ...]
    image_mip: int | None = attrs.field(default=None, validator=optional(ge(0)))
    field: Prior | None = None
    masks: tuple[Mask, ...] = ()
    labels: dict[str, Mask] = attrs.field(factory=dict, hash=False)
    normalizer: Normalizer | None = None
    reference: Source | None = None
    reference_mip: int | None = attrs.field(default=None, validator=optional(ge(0)))
    values: Literal["unit", "raw"] = "unit"
    corners: bool = False
    shifts: Shifts | None = None
    validation: Validation = attrs.field(factory=Validation)
    clean_edges: bool = True
    warp_source: bool | None = None
    write_zero_field: bool = False
    lossless: bool = False
    stage: int = attrs.field(default=0, validator=ge(0))
    tag: str = "test"
    suffix: str = ""
    dataset: Literal["main", "img"] = "main"
    largest_chunk: int | None = attrs.field(default=None, validator=optional(gt(0)))
    images: Sink | None = None
    fields: Sink | None = None
    add: bool = False
    record: Any = attrs.field(default=None, hash=False)
    executor: Executor | None = None
    to: Output = "pairs"

    def __attrs_post_init__(self) -> None:
        if len(set(self.mips)) < len(self.mips):
            raise ValueError(f"'mips' must differ: {list(self.mips)}")
        if isinstance(self.size[0], tuple) and len(self.size) != len(self.mips):
            raise ValueError(
                f"'size' must be one for all, or one for each of {len(self.mips)} mips"
            )
        for mip in self.mips:
            if min(self.size_at(mip)) < 1 or (mip == 0 and any(n % 2 for n in self.size_at(0))):
                raise ValueError(f"'size' must be > 0, and even at mip 0: {self.size_at(mip)}")
        if self.shifts is not None and self.field is not None:
            raise ValueError("give 'shifts' or 'field', not both")
        if self.labels and self.images is not None:
            raise ValueError("'labels' are kept in files; there are none with 'images'")

    @labels.validator
    def _parts_of_names(self, _: Any, labels: dict[str, Any]) -> None:
        odd = [name for name in labels if not re.fullmatch(LABELS, name) or name in TAKEN]
        if odd:
            raise ValueError(
                f"'labels' must be called by letters, digits and _, but not {' or '.join(TAKEN)}: "
                f"'{odd[0]}'"
            )

    @property
    def warps_source(self) -> bool:
        """Whether the source is warped by its own field."""
        return self.images is not None if self.warp_source is None else self.warp_source

    @property
    def stores_field(self) -> bool:
        """Whether there is a file of fields."""
        return self.field is not None or self.write_zero_field

    @property
    def keeps_field(self) -> bool:
        """Whether what is left of the field of a source is written anywhere."""
        return self.fields is not None or (self.images is None and self.stores_field)

    @property
    def keeps_bytes(self) -> bool:
        """Whether grey values stay whole numbers."""
        return self.normalizer is None and self.values == "raw"

    def size_at(self, mip: int) -> Size:
        """Columns and rows of the pictures of a mip."""
        size = self.size[self.mips.index(mip)] if isinstance(self.size[0], tuple) else self.size
        return size[0], size[1]  # type: ignore[index, return-value]

    def frame(self, place: Triple, mip: int) -> Frame:
        """Where the picture of a place is."""
        size = self.size_at(mip)
        return Frame(place, size, mip) if self.corners else Frame.around(place, size, mip)

    def plan(self, run: Run) -> Plan:
        """The boxes of all pairs, and about how long they take."""
        workers = getattr(self.executor, "processes", 1) or 1
        return plan_of(self, Volumes.of(self), how_many(self.pairs), workers)

    def run(self, run: Run) -> None:
        """Make the pairs that are missing, and then the set."""
        volumes, places = Volumes.of(self), list(self.pairs.places())
        check(self, volumes, places)
        publisher = Publisher(self, places, self._workshop(places), self._made(run))
        publisher.check_free(run.folder)
        check_room(Path(self.to).parent, room(self, len(places)))
        with run.alone(publisher.workshop):
            publisher.begin()
            self._make(run, volumes, places, publisher.workshop)
            for note in publisher.publish():
                log.warning(note)

    def _make(self, run: Run, volumes: Volumes, places: list[PairPlace], workshop: Path) -> None:
        folder = workshop / "pairs"
        folder.mkdir(exist_ok=True)
        sinks = [sink for sink in (self.images, self.fields) if sink is not None]
        with making(run, sinks):
            outputs = Outputs.of(self, volumes.image.info, len(places))
        together = outputs.together or len(places)
        made = {
            **made_from(run, self, WITHOUT),
            "volumes": [identity(run, sink) for sink in sinks],
        }
        claim(run, sinks, made)
        ledger = Ledger.of(workshop / "ledger", made, run, self, WITHOUT)
        executor = self.executor or Threads()

        def progress(done: int, total: int) -> None:
            run.progress(self, done, total)

        maker = Maker(self, folder, len(places))
        work(tasks_of(places, together), maker, executor, ledger, progress)

    def _workshop(self, places: list[PairPlace]) -> Path:
        """Where pairs lie while the set is made. Sets that grow may be added to side by side."""
        folder = Path(f"{self.to}.part")
        if not self.add:
            return folder
        name = "_".join(f"{n}" for n in (*places[0].src, "MIP", *self.mips, self.suffix))
        return folder / name

    def _made(self, run: Run) -> dict[str, Any]:
        value = dump(self, StepKind, run.registry)
        spec = {name: each for name, each in value.items() if name not in (*WITHOUT, "record")}
        by = f"metroem-core {metadata.version('metroem-core')}"
        return {"by": by, "spec": spec, "record": self.record}
