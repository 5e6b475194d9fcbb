"""The fields of all pairs of a set, or of all sections of a volume."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import attrs
from attrs.validators import ge, min_len

from metroem_core.kinds import Aligner, Executor, Plan
from metroem_core.spec import Added, Output

from .generating import set_work, volume_work
from .generating.sections import Sections

if TYPE_CHECKING:
    from metroem_core.run import Run

OF_A_SET = ("stage", "tag", "start", "also", "lossless", "form", "to")


@attrs.frozen
class Generate:
    """Find the fields of all pairs of a set, or of all sections of a volume.

    Of a set, every series gets a file ``field_<stage>_<NAME>_MIP<m>_<tag>.h5`` with a field for
    each pair, in pixels of the mip, as the next stage of training needs it. Of a volume, the field
    of every section onto its neighbours is written to volumes, block by block. One process or
    many find the same, and a killed run goes on with what is missing.

    :param aligner: what finds fields. A pyramid takes pictures of its finest mip.
    :param mip: of the pictures that are aligned.
    :param data: a set, as ``curate`` makes them.
    :param volume: the sections of a volume, instead of a set: their ``image``, and by offset, as
        ``-1``, the volumes of ``fields`` to write and of ``prior`` ones to start from; the corners
        ``start`` and ``stop`` of their box in MIP0 voxels; ``masks`` of what is no data; pixels of
        a ``block``, of the ``halo`` around it, and of the ``grid`` on which blocks begin; how many
        a worker does ``together``; the ``dtype`` and the ``scale`` in which vectors are stored.
    :param refine: an aligner that starts from the field of the first, as ``optimise`` does, and
        whose field is written.
    :param stage: of a set: in the names of files, the module that found the fields.
    :param tag: of a set: in these names, its checkpoint.
    :param start: of a set: the fields to start from, by their stage and tag; none by default.
    :param also: of a set: other mips to write the fields at. Where pictures of a finer mip show
        only the middle of those that are aligned, so does the field.
    :param lossless: of a set: keep all digits. By default they are kept to 0.005 pixels, and
        vectors shorter than 0.01 may become 0.
    :param form: of a set: ``files``, or precomputed ``volumes`` called ``<to>/<mip>`` as the older
        program writes them, in which section k is the field of pair k.
    :param executor: what finds fields side by side; by default a process for each of ``devices``.
    :param devices: where fields are found, as ``cuda:0`` and ``cuda:1``. Each process takes one of
        them. By default on the processor, unless the aligner says it.
    :param to: of a set: the folder of a new set, which has all that ``data`` has, and the fields.
        By default the files are added to the set itself.
    """

    aligner: Aligner
    mip: int = attrs.field(validator=ge(0))
    data: Added | None = None
    volume: Sections | None = None
    refine: Aligner | None = None
    stage: int = attrs.field(default=0, validator=ge(0))
    tag: str = attrs.field(default="checkpoint", validator=min_len(1))
    start: tuple[int, str] | None = None
    also: tuple[int, ...] = ()
    lossless: bool = False
    form: Literal["files", "volumes"] = "files"
    executor: Executor | None = None
    devices: tuple[str, ...] = ()
    to: Output | None = None

    def __attrs_post_init__(self) -> None:
        if (self.data is None) == (self.volume is None):
            raise ValueError("give 'data', a set, or 'volume', and not both")
        defaults = {each.name: each.default for each in attrs.fields(Generate)}
        given = [name for name in OF_A_SET if getattr(self, name) != defaults[name]]
        if self.volume is not None and given:
            raise ValueError(f"'{given[0]}' is about a set, and belongs to 'data'")
        if self.form == "volumes" and self.to in (None, self.data):
            raise ValueError("volumes need 'to', a folder of their own")
        if self.mip in self.also or len(set(self.also)) < len(self.also):
            raise ValueError(f"'also' must be mips other than {self.mip}, each once: {self.also}")

    def plan(self, run: Run) -> Plan:
        """The pictures to read and the fields to write."""
        if self.volume is not None:
            return volume_work.plan_of(self.volume, self.mip)
        return set_work.plan_of(self)

    def run(self, run: Run) -> None:
        """Find the fields that are missing."""
        local = run.registry.get("executor", "local")
        executor = self.executor or local(processes=max(len(self.devices), 1))
        if self.volume is not None:
            volume_work.write_sections(run, self, self.volume, executor)
        else:
            set_work.write_set(run, self, executor)
