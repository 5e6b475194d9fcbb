"""Train the modules of a pyramid, one after the other."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import attrs
from attrs.validators import and_, ge, gt, lt, optional

from metroem_core.errors import UserError
from metroem_core.kinds import Aligner, Executor, Plan
from metroem_core.spec import Added, Output

from .training.course import Course
from .training.phase import Phase
from .training.processes import together
from .training.work import work

if TYPE_CHECKING:
    from metroem_core.run import Run

MIP = re.compile("0|[1-9][0-9]*")


@attrs.frozen
class Train:
    """Train the modules of a pyramid on the pairs of a set, from coarse to fine.

    Each module goes through the phases of its mip, in batches of random crops. When one is done,
    its fields of all pairs are written into the set, and the next one starts from them. A killed
    training goes on where it was saved last, and comes to the same weights as one that was never
    killed. Started by ``torchrun``, several processes train together, each with a part of every
    batch.

    Beside the weights of a module, ``training/`` holds ``last.pt`` and ``best.pt``, all that is
    needed to go on; ``log.jsonl``, a line for every epoch; and ``history.json``, what every
    checkpoint was made from.

    A network that finds defects is trained in the same way, as a ``module`` with the objective
    ``segmentation`` and the labels of the set.

    :param data: the set; or an HDF5 file of stacks (N, Z, X, Y), as older programs write them, or
        of volumes (Z, Y, X), where every section with the next one is a pair. The mip of a file
        stands in its name, as in ``NAME_train_mip5.h5``, beside which ``NAME_test_mip5.h5``
        validates.
    :param aligner: a ``pyramid``, or a ``module``: the networks, and the weights at the start.
    :param phases: what is done with every module; or by mip, as text. A mip that is not named is
        trained as the nearest one that is.
    :param stages: the numbers of the modules to train; all, unless given.
    :param generate: the numbers of the modules whose fields are written; unless given, those that
        are trained, but for the last module.
    :param mip: of the pictures for an aligner that is a single module; unless given, the only one
        of the set.
    :param labels: the names of the labels that are read with the pictures, as ``crack`` for
        ``src_crack`` and ``tgt_crack``; all that the set has, unless given.
    :param fresh: begin with new weights, even where there are some.
    :param inherit: begin each module but the first with the weights of the one before it, which
        must have the same network.
    :param checkpoint: what fields are called, and weights in folders of the older programs.
    :param fields: what the fields are called that the first module starts from, if it is not the
        first of the pyramid; as ``checkpoint``, unless given.
    :param crop: pixels along a side of crops. Smaller pictures are used whole, or as squares
        where a batch has several.
    :param crops: how many crops of each pair are seen in an epoch.
    :param batch_size: crops in a batch of one process.
    :param validation_crop: pixels along a side of the middle of pictures that validates.
    :param validate_every: epochs from one validation to the next; null for none at all.
    :param pictures_every: epochs from one picture of a pair to the next.
    :param save_every: seconds from one time of saving to the next. Whatever it is, a training that
        goes on comes to the same weights.
    :param keep: the weights that a module ends with: the ``last``, or the ``best`` validated.
    :param largest_loss: batches with a larger loss are not learnt from.
    :param ema: the share of the old value in an average of weights, which is then validated and
        kept in their place; as 0.999.
    :param seed: of everything that is drawn at random.
    :param workers: processes that read and change pictures ahead of time; 0 for none.
    :param device: as ``cpu`` or ``cuda``; a GPU where there is one, unless given.
    :param dtype: the type that layers compute with; ``bfloat16`` is fast on GPUs.
    :param channels_last: whether the channels of a pixel lie together in memory.
    :param compile: whether torch makes a program of the network, which takes a minute at first.
    :param refine: an aligner that makes the fields better that are written.
    :param executor: who computes these fields; this process, unless given.
    :param to: the folder to write: a copy of the aligner's, in which the modules are trained. It
        may be the aligner's own.
    """

    together: ClassVar[bool] = True  # all processes of torchrun take part

    data: Added
    aligner: Aligner
    phases: tuple[Phase, ...] | dict[str, tuple[Phase, ...]] = attrs.field(hash=False)
    stages: tuple[int, ...] | None = None
    generate: tuple[int, ...] | None = None
    mip: int | None = attrs.field(default=None, validator=optional(ge(0)))
    labels: tuple[str, ...] | None = None
    fresh: bool = False
    inherit: bool = False
    checkpoint: str = attrs.field(default="checkpoint")
    fields: str | None = None
    crop: int = attrs.field(default=1024, validator=ge(1))
    crops: int = attrs.field(default=1, validator=ge(1))
    batch_size: int = attrs.field(default=1, validator=ge(1))
    validation_crop: int = attrs.field(default=2048, validator=ge(1))
    validate_every: int | None = attrs.field(default=1, validator=optional(ge(1)))  # type: ignore[arg-type]
    pictures_every: int = attrs.field(default=10, validator=ge(1))
    save_every: float = attrs.field(default=60.0, validator=ge(0))
    keep: Literal["last", "best"] = attrs.field(default="last")
    largest_loss: float = attrs.field(default=1000.0, validator=gt(0))
    ema: float | None = attrs.field(default=None, validator=optional(and_(gt(0), lt(1))))
    seed: int = 0
    workers: int = attrs.field(default=1, validator=ge(0))
    device: str | None = None
    dtype: Literal["float32", "bfloat16"] = "float32"
    channels_last: bool = True
    compile: bool = False
    refine: Aligner | None = None
    executor: Executor | None = None
    to: Output = "model"

    @phases.validator
    def _some(self, _: Any, phases: Any) -> None:
        named = phases if isinstance(phases, dict) else {"": phases}
        if not named or not all(named.values()):
            raise ValueError("'phases' must have at least one, for every mip that is named")
        odd = [name for name in named if name and not MIP.fullmatch(name)]
        if odd:
            raise ValueError(f"'phases' must be a list, or lists by mip, as '5': '{odd[0]}'")

    @keep.validator
    def _validated(self, _: Any, keep: str) -> None:
        if keep == "best" and self.validate_every is None:
            raise ValueError("'keep' must be 'last' where 'validate_every' is null: 'best'")

    @checkpoint.validator
    def _part_of_a_name(self, _: Any, checkpoint: str) -> None:
        if not checkpoint or "/" in checkpoint:
            raise ValueError(f"'checkpoint' must be part of a file name: '{checkpoint}'")

    def plan(self, run: Run) -> Plan:
        """The pictures to read, the modules and fields to write, the steps to take."""
        return Course.of(self, run).plan()

    def status(self, run: Run) -> list[str]:
        """The epoch that every module has reached, a line each."""
        try:
            return Course.of(self, run).reached()
        except UserError:  # its pairs are not there yet
            return []

    def run(self, run: Run) -> None:
        """Train what is not trained yet."""
        if run.shard is not None:
            raise UserError("training cannot be done in slices; torchrun starts many processes")
        with together(self.device) as processes:
            course = Course.of(self, run)
            course.check()
            if not course.workshop.is_done(course.made):
                work(course, processes)
