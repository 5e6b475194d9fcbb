"""From the fields of pairs to the fields of an aligned volume."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import attrs
from attrs.validators import deep_iterable, ge, gt, min_len, optional

from metroem_core.geometry import Box
from metroem_core.kinds import Executor, Plan, Sink, Source

from .aligning.estimate import plan_of
from .aligning.job import Job
from .rendering.progress import advancing

if TYPE_CHECKING:
    from metroem_core.run import Run


positive: Any = optional(gt(0))


def by_offset(fields: dict[Any, Source]) -> dict[str, Source]:
    """Fields by their offset as text, as JSON has it."""
    try:
        return {str(int(offset)): source for offset, source in fields.items()}
    except ValueError:
        given = ", ".join(map(str, fields))
        raise ValueError(f"'fields' must be by offset, such as -1 and -2: {given}") from None


@attrs.frozen
class Align:
    r"""Align all sections of a box onto each other, by the fields of pairs of them.

    The total field of a section says where it shows what the aligned volume shows: ``aligned(p) =
    image(p + F(p))``. Sections are done one after the other. The first one keeps its place. Each
    other one has a candidate from every earlier section that it was paired with,

    .. math:: C_k(p) = \tilde F_{z+k}(p) + P_{z,k}(p + \tilde F_{z+k}(p)), \qquad
              \tilde F = F - (1 - 2^{-|k| / h})\, S

    where :math:`P_{z,k}` is the field of section z onto section z + k, and :math:`S` the smooth
    part of :math:`F`, what a Gaussian leaves of it. So what accumulates from section to section
    becomes less, and half of it is left after :math:`h` sections: the aligned volume does not
    drift away from the one that was given. What belongs to single sections, as their jitter,
    stays corrected but for the share ``|k| ln(2) / h``.

    Candidates vote: with three offsets, one that is wrong or lacks is outvoted, so a bad or a
    missing section is bridged by those that skip it. Where no pair field is valid, as in a fold,
    it is continued without a step; in a section that is missing as a whole, that of its neighbour
    is kept. So every vector is finite.

    At the end ``<to>.report.json`` tells for every section its drift (how long the smooth part of
    its field is), its residual (how far it is from where the pair field or the truth wants it, on
    the nearest section), and, with an image, metrics before and after.

    :param fields: volumes of pair fields by offset: ``{"-1": ..., "-2": ...}``. That of section z
        onto section z - 1 lies at z. All offsets have one sign; with positive ones the last
        section is the first to be done.
    :param mip: of the fields, in whose pixels all is computed.
    :param to: where the total fields go.
    :param start: the first voxel x, y, z of the box, in MIP0 voxels; by default that of the
        fields.
    :param stop: the voxel behind its last one.
    :param first: a volume of total fields, of which the first section takes its own, as when this
        box goes on where an earlier one ended. By default the first section is not moved.
    :param decay: sections after which half of the smooth part is left; null to keep all of it.
    :param sigma: standard deviation of the Gaussian that tells the smooth part, in pixels.
    :param temperature: pixels by which candidates may differ and still agree.
    :param longest: pair vectors that are longer, in pixels, are taken as invalid.
    :param image: what the fields are of, to measure how alike sections are before and after.
    :param truth: true fields of pairs at the nearest offset, to measure the residual against.
    :param block: columns and rows that are computed together, made whole chunks of ``to``.
    :param together: blocks of a task. While one is computed, the next is read.
    :param executor: what computes blocks side by side; by default this process.
    """

    fields: dict[str, Source] = attrs.field(converter=by_offset, validator=min_len(1), hash=False)
    mip: int = attrs.field(validator=ge(0))
    to: Sink
    start: tuple[int, int, int] | None = None
    stop: tuple[int, int, int] | None = None
    first: Source | None = None
    decay: float | None = attrs.field(default=100.0, validator=positive)
    sigma: float = attrs.field(default=64.0, validator=ge(1))
    temperature: float = attrs.field(default=1.0, validator=gt(0))
    longest: float = attrs.field(default=512.0, validator=gt(0))
    image: Source | None = None
    truth: Source | None = None
    block: tuple[int, int] = attrs.field(
        default=(1024, 1024), converter=tuple, validator=deep_iterable(ge(16))
    )
    together: int = attrs.field(default=4, validator=ge(1))
    executor: Executor | None = None

    def __attrs_post_init__(self) -> None:
        signs = {(offset > 0) - (offset < 0) for offset in self.offsets}
        if len(signs) > 1 or 0 in signs:
            raise ValueError(
                f"'fields' must have offsets of one sign, and none of 0: {', '.join(self.fields)}"
            )

    @property
    def offsets(self) -> tuple[int, ...]:
        """Sections from each one to those that it is aligned onto, the nearest first."""
        return tuple(sorted(map(int, self.fields), key=abs))

    def sections(self, box: Box) -> Sequence[int]:
        """The sections of a box in the order in which they are done."""
        forward = range(box.start[2], box.stop[2])
        return forward if self.offsets[0] < 0 else forward[::-1]

    def offsets_at(self, z: int, box: Box) -> list[int]:
        """The offsets from a section to others of the box; none for the first."""
        return [k for k in self.offsets if box.start[2] <= z + k < box.stop[2]]

    def plan(self, run: Run) -> Plan:
        """Fields to read, fields to write, and how many blocks they are."""
        return plan_of(self)

    def run(self, run: Run) -> None:
        """Compose section by section, then measure all of them."""
        advancing(run, self, 0, 1)(0, 1)  # before anything is written
        Job.of(self, run).do()
