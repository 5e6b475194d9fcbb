"""What a component of each kind can do. A component is one frozen attrs class that does it.

The fields of the class are the parameters that a spec may give, its docstring is their
documentation. Constructing one touches neither disk nor network nor GPU.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

import attrs

from metroem_registry import kind

from .geometry import Triple

if TYPE_CHECKING:
    from concurrent import futures

    import numpy as np
    from torch import Generator, Tensor
    from torch.nn import Module

    from .batch import Batch, Loss, Measurement, Prediction
    from .geometry import Box, VolumeInfo
    from .run import Run


Gap = tuple[int, "Box"]
"""A mip, and a box of voxels of it in which nothing was found."""


class Volume(Protocol):
    """An opened source. Several threads may read from it at once."""

    info: VolumeInfo

    @property
    def gaps(self) -> list[Gap]:
        """What was read as nothing so far, since it lies outside or was never stored."""
        ...

    def read(self, box: Box, mip: int) -> np.ndarray:
        """The voxels of a box as a C-contiguous array (C, Z, Y, X) of the volume's own type.

        What lies outside the volume is no data: 0, or NaN where the volume holds a field. A box
        that lies wholly outside is a mistake.

        :param box: in voxels of the mip.
        """
        ...


class Writable(Volume, Protocol):
    """An opened sink: what was written can be read back.

    :ivar chunk: voxels x, y, z of the pieces in which it is stored, by mip, or None where the
        whole is one piece. Writers whose boxes share no chunk do not disturb each other.
    """

    chunk: dict[int, Triple | None]

    def write(self, box: Box, mip: int, voxels: np.ndarray) -> None:
        """Store the voxels (C, Z, Y, X) of a box, in the volume's own type.

        :param box: in voxels of the mip; it must lie inside the volume.
        """
        ...


@kind("sink")
class Sink(Protocol):
    """Somewhere to write boxes to."""

    def open(self, info: VolumeInfo) -> Writable:
        """The volume, made if there is none. May be called again, also in another process.

        :raises UserError: when there is one that is not as ``info`` says, or when the format
            cannot hold such a volume.
        """
        ...


@kind("mask")
class Mask(Protocol):
    """Weights or labels of places, made of other volumes."""

    def open(self) -> Volume:
        """A volume of one channel that can be read at any mip, whichever its parts have."""
        ...


@attrs.frozen
class Area:
    """A picture around the middle of another one.

    :param mip: where it is read.
    :param size: its columns and rows, in pixels of that mip.
    """

    mip: int
    size: tuple[int, int]


@kind("normalizer")
class Normalizer(Protocol):
    """Gives pictures from everywhere the same grey values.

    :cvar area: the picture around that it wants to know, or None.
    """

    @property
    def area(self) -> Area | None: ...

    def __call__(
        self, image: Tensor, valid: Tensor, around: tuple[Tensor, Tensor] | None = None
    ) -> Tensor:
        """The pictures (N, 1, H, W) with new values; 0 where there were no data, or not valid.

        :param valid: (N, 1, H, W) bool; other pixels, 0 and what is not finite count for nothing.
        :param around: the pictures of :attr:`area` and where they are valid.
        """
        ...


@attrs.frozen
class PairPlace:
    """Where the two pictures of a pair are.

    :param src: the middle of the source picture: x, y, z in MIP0 voxels.
    :param tgt: the middle of the target picture.
    """

    src: Triple
    tgt: Triple


@kind("pairs")
class Pairs(Protocol):
    """Where the pairs of a training set come from."""

    def places(self) -> Iterator[PairPlace]:
        """The places, in an order that is always the same."""
        ...


@kind("network")
class Network(Protocol):
    """The layers that an aligner trains and runs."""

    def build(self) -> Module:
        """The layers, with new weights drawn from torch's generator."""
        ...


@kind("executor")
class Executor(Protocol):
    """Where the tasks of a large piece of work are computed."""

    def open(self) -> futures.Executor:
        """Something that computes functions of values that can be pickled."""
        ...


@kind("source")
class Source(Protocol):
    """Something to read boxes from: a file, a store, or a function."""

    def open(self) -> Volume:
        """The volume, ready to read. May be called again, also in another process."""
        ...


@kind("similarity")
class Similarity(Protocol):
    """How much two pictures differ, pixel by pixel: smaller is better."""

    def __call__(self, warped: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """A map (N, 1, H, W), averaged over channels, that is 0 where not valid.

        :param warped: (N, C, H, W).
        :param target: (N, C, H, W).
        :param valid: (N, 1, H, W) bool. Windows and neighbourhoods count valid pixels only.
        """
        ...


@kind("smoothness")
class Smoothness(Protocol):
    """How rough a displacement field is, pixel by pixel."""

    def __call__(self, field: Tensor) -> Tensor:
        """A map (N, 1, H, W) of a field (N, 2, H, W) in pixels."""
        ...


@kind("metric")
class Metric(Protocol):
    """How good a prediction is, in numbers for people."""

    def __call__(self, batch: Batch, prediction: Prediction, truth: Tensor | None) -> Measurement:
        """Numbers and maps of a prediction for the pair in a batch.

        :param truth: the true field (N, 2, H, W), non-finite where it is not known; or None. A
            metric that needs the truth answers an empty Measurement without it.
        """
        ...


Report = Callable[[int, int, dict[str, float]], None]
"""Takes pieces done, pieces in all, and what was measured, while an aligner is at work."""


class Align(Protocol):
    """A built aligner."""

    def __call__(self, batch: Batch, report: Report | None = None) -> Prediction:
        """The total field of the pairs ``src`` and ``tgt``, (N, C, H, W) each, in a batch.

        ``src_field``, where the batch has it, is the field to start from.

        :param report: told of the progress of an aligner that works in many small pieces.
        """
        ...


@kind("aligner")
class Aligner(Protocol):
    """Finds the field that makes a source picture look like its target."""

    def build(self) -> Align:
        """The aligner itself, with its weights loaded."""
        ...


@kind("objective")
class Objective(Protocol):
    """What training makes small. It runs the model, and so may run it in its own way.

    One that cannot do without some labels of a set names them in an attribute ``labels``.
    """

    def __call__(self, model: Align, batch: Batch) -> Loss:
        """The loss of a model on a batch, and what it consists of."""
        ...


@kind("augmentation")
class Augmentation(Protocol):
    """Changes a batch as nature or a microscope might have changed it.

    The nature of an array says how: images stay 0 where they have no data, labels stay labels,
    the vectors of fields turn with the axes.

    :cvar context: pixels on each side that it needs around what is wanted of it. One whose context
        depends on the size of that has a method ``context_for(size)`` along z, y, x as well.
    :cvar value_range: the least and the largest value of the images that it takes, or None.
    """

    @property
    def context(self) -> int: ...

    @property
    def value_range(self) -> tuple[float, float] | None: ...

    def __call__(self, batch: Batch, generator: Generator) -> Batch:
        """A changed batch; the one that is given stays as it is.

        :param generator: draws everything that is random, on the CPU. In the same state it leads
            to the same batch, in any process.
        """
        ...


@attrs.frozen
class Plan:
    """What a step is going to do, told before it does it.

    :param reads: bytes to read, by what they are read from.
    :param writes: bytes to write, by what they are written to.
    :param computes: the work in words.
    :param tasks: how many separate pieces it consists of.
    """

    reads: dict[str, int]
    writes: dict[str, int]
    computes: str
    tasks: int = 1


@kind("step")
class Step(Protocol):
    """One part of a chain: curate, train, generate, align.

    One whose work is not done by ``metroem_core.blocks.work`` may have a method ``status(run)``,
    which tells in lines how far it is.
    """

    def plan(self, run: Run) -> Plan:
        """What will be read, written and computed. May look at metadata, never at data."""
        ...

    def run(self, run: Run) -> None:
        """Do it. Results appear whole or not at all, so that a killed step can be repeated."""
        ...


@kind("command")
class Command(Protocol):
    """A click command under ``metroem``; imported when it is called."""

    def __call__(self) -> None: ...
