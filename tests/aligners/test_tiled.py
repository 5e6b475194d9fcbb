import os
from pathlib import Path

import attrs
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from metroem_aligners.block_match import BlockMatch
from metroem_aligners.chain import Chain
from metroem_aligners.optimise import Optimise
from metroem_aligners.tiled import Tiled
from metroem_aligners.windows import spans, windows
from metroem_core.batch import Array, Prediction, pair
from metroem_core.errors import UserError
from metroem_core.field import random_smooth, sample
from metroem_core.geometry import Box
from metroem_core.testing import AlignerConformance
from metroem_volumes.hdf5 import HDF5

DATA = os.environ.get("METROEM_TEST_DATA")
RECIPE = Chain((BlockMatch(), Optimise()))


class TestTiled(AlignerConformance):
    component = Tiled(Optimise(), size=64, halo=64)
    shape = (64, 144)


def texture(size, seed=0):
    """Blurred noise with grey values from 0.1 to 1, (1, 1, H, W)."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(1, 1, size[0] + 6, size[1] + 6, generator=generator)
    blurred = F.avg_pool2d(F.avg_pool2d(noise, 4, 1), 4, 1)
    low, high = blurred.aminmax()
    return 0.1 + 0.9 * (blurred - low) / (high - low)


def smooth(size, longest, seed=0):
    """A smooth random field (1, 2, H, W) whose longest vector has this many pixels."""
    return random_smooth(size, longest, 80, torch.Generator().manual_seed(seed))


def real_section(size, z=3):
    volume = HDF5(str(Path(DATA) / "vnc_stack1_dev.h5"), zero_is_data=True).open()
    voxels = volume.read(Box.of((0, 0, z), (*size[::-1], 1)), 0)[0]
    return torch.from_numpy(voxels.astype(np.float32) / 255)[None]


@attrs.frozen
class Place:
    """Answers with the columns and rows that the target shows, and notes the sizes it is given."""

    seen: list = attrs.field(factory=list, eq=False)

    def build(self):
        def align(batch, report=None):
            self.seen.append(tuple(batch["tgt"].tensor.shape[-2:]))
            return Prediction(batch["tgt"].tensor.repeat(1, 2, 1, 1), batch["tgt"].tensor * 0 + 1)

        return align


@pytest.mark.parametrize("shape", [(64, 64), (200, 333), (130, 65), (40, 500)])
@pytest.mark.parametrize(("size", "halo"), [(64, 64), (64, 0), (128, 64), (64, 128), (100, 10)])
def test_the_weights_of_all_tiles_add_up_to_one(shape, size, halo):
    picture, place = torch.rand(1, 1, *shape) + 0.1, Place()
    prediction = Tiled(place, size, halo).build()(pair(picture, picture))
    torch.testing.assert_close(prediction.field, picture.repeat(1, 2, 1, 1))
    torch.testing.assert_close(prediction.confidence, torch.ones_like(picture))
    assert max(map(max, place.seen)) <= -(-size // 64) * 64 + 2 * -(-halo // 64) * 64


def test_tiles_are_cut_where_coarser_pixels_begin():
    assert all(span.start % 64 == 0 for length in (1000, 4097) for span in spans(length, 512, 64))
    assert len(windows((1000, 600), 512, 64)) == 4
    assert len(windows((512, 100), 512, 64)) == 1


@pytest.mark.parametrize("tile", [64, 128])
def test_tiles_and_the_whole_agree(tile):
    size = (128, 192)
    src = texture(size)
    batch = pair(src, sample(src, smooth(size, 6), "border"))
    whole, tiles = (a.build()(batch) for a in (RECIPE, Tiled(RECIPE, tile, 64)))
    apart = (whole.field - tiles.field).norm(dim=1)
    assert apart.max() > 0
    assert apart.median() < 0.02
    assert apart.flatten().quantile(0.99) < 0.5
    assert (whole.confidence - tiles.confidence).abs().mean() < 0.02


@pytest.mark.slow
@pytest.mark.skipif(not DATA, reason="METROEM_TEST_DATA does not name a folder of real data")
@pytest.mark.parametrize("tile", [256, 512])
@pytest.mark.parametrize("neighbours", [False, True])
def test_tiles_and_the_whole_agree_on_real_sections(tile, neighbours):
    size, z = (1024, 1024), 3
    src, fixed = real_section(size, z), real_section(size, z + neighbours)
    grain = 0.03 * torch.randn(src.shape, generator=torch.Generator().manual_seed(0))
    batch = pair(src, (sample(fixed, smooth(size, 12), "border") + grain).clamp(0.004, 1))
    whole, tiles = (a.build()(batch).field for a in (RECIPE, Tiled(RECIPE, tile)))
    apart = (whole - tiles).norm(dim=1).flatten()
    assert apart.median() < 0.02
    assert apart[::7].quantile(0.99) < 0.5


def test_a_start_that_leads_out_of_the_tile_is_followed():
    size, far = (64, 320), torch.tensor([130.0, 0]).view(1, 2, 1, 1)
    src, truth = texture(size), smooth(size, 3) + far
    batch = pair(src, sample(src, truth)).put(src_field=Array(far.expand(1, 2, *size), "field"))
    found = Tiled(Optimise(), 64, 64).build()(batch).field
    assert (found - truth).norm(dim=1)[..., 16:-16, 16:160].median() < 0.1


def test_masks_are_cut_like_the_pictures():
    size = (64, 192)
    src = texture(size)
    keep = torch.zeros(1, 1, *size)
    masks = {"src_mask": Array(keep, "mask"), "tgt_mask": Array(keep, "mask")}
    batch = pair(src, src.roll(1, -1)).put(**masks)
    prediction = Tiled(Optimise(), 64, 64).build()(batch)
    assert (prediction.field == 0).all()
    assert (prediction.confidence == 0).all()


def test_without_a_confidence_in_a_tile_there_is_none():
    @attrs.frozen
    class Silent:
        def build(self):
            return lambda batch, report=None: Prediction(batch["src"].tensor.repeat(1, 2, 1, 1))

    picture = texture((64, 192))
    assert Tiled(Silent(), 64, 64).build()(pair(picture, picture)).confidence is None


def test_progress_counts_every_tile():
    told, picture = [], texture((64, 192))
    Tiled(Optimise(), 64, 64).build()(pair(picture, picture), lambda *r: told.append(r[:2]))
    done, totals = [each for each, _ in told], {total for _, total in told}
    assert done == list(range(1, len(told) + 1))
    assert totals == {len(told)}


def test_the_device_is_looked_for_when_it_is_built():
    tiled = Tiled(Optimise(), device="cuda:77")
    with pytest.raises(UserError, match="there is no device 'cuda:77' here; there is cpu"):
        tiled.build()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_gpu_finds_the_same_field():
    size = (192, 256)
    src = texture(size)
    batch = pair(src, sample(src, smooth(size, 6), "border"))
    here, there = (Tiled(RECIPE, 128, 64, device).build()(batch) for device in ("cpu", "cuda"))
    assert there.field.device == here.field.device
    assert (here.field - there.field).norm(dim=1).flatten().quantile(0.99) < 0.02


@pytest.mark.parametrize(("name", "value"), [("size", 0), ("halo", -1)])
def test_parameters_out_of_range_are_refused(name, value):
    with pytest.raises(ValueError, match=f"'{name}' must be >= [01]: {value}"):
        Tiled(Optimise(), **{name: value})
