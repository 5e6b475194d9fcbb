"""A volume of sections that move, bend, fold and lack, from its pictures to an aligned image."""

import json

import numpy as np
import pytest
import torch

from metroem_core.field import compose, length
from metroem_core.geometry import Box, Scale, VolumeInfo
from metroem_core.plugins import components
from metroem_core.run import load
from metroem_steps.aligning.smooth import smooth_part

MIP, SIGMA = 2, 32


class Sections:
    """Synthetic sections at mip 2, whose true fields are known; the one in the middle is missing.

    :param size: pixels along x and y. They are moved by up to 4 pixels and bent by up to 6.
    """

    def __init__(self, folder, size, depth):
        self.folder, self.size, self.missing = folder, size, depth // 2
        self.box = Box((0, 0, 0), (size, size, depth))
        info = VolumeInfo(1, "uint8", {0: Scale(self.box, (16.0, 16.0, 40.0))})
        sink = components().get("sink", "zarr")(path=str(folder / "sections"))
        sink.open(info).write(self.box, 0, self._read(self.box))
        self.image = {"type": "zarr", "path": str(folder / "sections")}

    def truth(self, z, offset):
        """The true field (1, 2, Y, X) of a section onto another one."""
        box = Box((0, 0, z), (self.size, self.size, z + 1))
        return torch.from_numpy(self._read(box, layer="field", offset=offset)).movedim(1, 0)

    def _read(self, box, **layer):
        unit = 2**MIP
        source = components().get("source", "synthetic")(
            seed=5,
            size=(self.size * unit, self.size * unit, self.box.size[2]),
            mips=MIP + 1,
            jitter=4.0 * unit,
            deformation=6.0 * unit,
            deformation_scale=128.0 * unit,
            folds=0.3,
            missing_sections=(self.missing,),
            **layer,
        )
        return source.open().read(box, MIP)

    def spec(self, aligner, offsets, **parameters):
        """From the sections to the aligned image."""
        fields = {str(k): {"type": "zarr", "path": f"fields{k}"} for k in offsets}
        generate = {
            "type": "generate",
            "aligner": aligner,
            "mip": 0,
            "volume": {"image": self.image, "fields": fields, "halo": 64},
        }
        align = {
            "type": "align",
            "mip": 0,
            "fields": fields,
            "image": self.image,
            "sigma": SIGMA,
            "to": {"type": "zarr", "path": "total"},
        }
        image = {"source": self.image, "to": {"type": "zarr", "path": "aligned"}, "mips": 2}
        render = {"type": "render", "fields": align["to"], "volumes": [image]}
        return {"steps": [generate, {**align, **parameters}, render]}

    def residuals(self, total):
        """How far every section is from where it fits the one before that is not missing.

        :param total: fields of all sections, (Z, 2, Y, X).
        """
        for z in range(1, len(total)):
            offset = -2 if z - 1 == self.missing else -1
            if z != self.missing and z + offset >= 0:
                fitting = compose(total[z + offset, None], self.truth(z, offset))
                yield length(total[z, None] - fitting)

    def drifts(self, total):
        """How far the smooth part of every section is from where it fits the first."""
        for z in range(1, len(total)):
            if z != self.missing:
                yield length(smooth_part(total[z, None] - self.truth(z, -z), SIGMA))


def aligned(folder, spec):
    """The total fields (Z, 2, Y, X), what was measured, and the image of a run."""
    load(spec, out=folder).run()
    total, image = (
        components().get("source", "zarr")(path=str(folder / name)).open()
        for name in ("total", "aligned")
    )
    fields = torch.from_numpy(total.read(total.info.scales[0].box, 0)).movedim(1, 0)
    report = json.loads((folder / "total.report.json").read_text())
    return fields, report, image.read(image.info.scales[0].box, 0)


def known(pictures):
    """All finite values of some pictures."""
    values = torch.cat([each.flatten() for each in pictures])
    return values[values.isfinite()].numpy()


def check(sections, total, report, image):
    """What must be true of every aligned volume."""
    residual, drift = known(sections.residuals(total)), known(sections.drifts(total))
    before, after = (report["all"][when]["cpc"] for when in ("before", "after"))
    print(f"residual {np.median(residual):.2f} px, 95 % below {np.percentile(residual, 95):.2f}")
    print(f"drift {np.median(drift):.2f} px, 95 % below {np.percentile(drift, 95):.2f}")
    print(f"cpc {before:.2f} before, {after:.2f} after")
    assert np.median(residual) < 0.5
    assert np.percentile(drift, 95) < 2
    assert after > before + 0.3
    empty = [z for z in range(image.shape[1]) if not image[0, z].any()]
    assert empty == [sections.missing]


def test_a_few_sections_are_aligned_from_end_to_end(tmp_path):
    sections = Sections(tmp_path, 192, 5)
    check(sections, *aligned(tmp_path / "run", sections.spec("block_match", (-1, -2))))


@pytest.mark.slow
def test_sixteen_sections_are_aligned_from_end_to_end(tmp_path):
    sections = Sections(tmp_path, 384, 16)
    spec = sections.spec(["block_match", "optimise"], (-1, -2, -3))
    check(sections, *aligned(tmp_path / "run", spec))
