"""`metroem cloudvolume-to-h5`, `concat-fields`, `upsample-field` and `combine-h5`."""

import math
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from metroem_core.field import pack
from metroem_core.geometry import Box, Scale, VolumeInfo
from metroem_core.plugins import components as registry


def test_a_volume_of_fields_becomes_a_file(metroem, volumes):
    path, field = volumes["field"]
    metroem(f"cloudvolume-to-h5 --cv_path {path} --dst_path f.h5 --mip 8")
    with h5py.File("f.h5") as file:
        assert (file["main"].shape, file["main"].chunks) == ((7, 2, 16, 16), (1, 2, 16, 16))
        assert (file["main"].compression, file["main"].scaleoffset) == ("lzf", 2)
        wanted = field[8].transpose(2, 3, 0, 1)
        np.testing.assert_allclose(file["main"][:], wanted, atol=0.0051)
    assert "exists already" in metroem(f"cloudvolume-to-h5 --cv_path {path} --dst_path f.h5", 1)


@pytest.mark.parametrize("components", ["xy", "yx"])
def test_fields_in_whole_numbers_become_vectors_and_what_is_not_known_becomes_0(
    metroem, components
):
    field = torch.tensor([2.5, -1.25]).view(1, 2, 1, 1).repeat(1, 1, 16, 16)
    field[0, :, 3, 4] = math.nan
    stored, about = pack(field)
    stored = stored if components == "xy" else stored.flip(1)
    box = Box((0, 0, 0), (16, 16, 1))
    about = {**about, "components": components}
    info = VolumeInfo(2, "int16", {0: Scale(box, (4.0, 4.0, 40.0))}, about)
    path = f"file://{Path('packed').resolve()}"
    sink = registry().get("sink", "cloudvolume")(path=path).open(info)
    sink.write(box, 0, stored.movedim(0, 1).numpy())
    metroem(f"cloudvolume-to-h5 --cv_path {path} --dst_path f.h5")
    metroem("upsample-field --src_path f.h5 --src_mip 4 --dst_mip 4 --dst_path same.h5")
    for name in ("f.h5", "same.h5"):
        with h5py.File(name) as file:
            assert file["main"][0, :, 4, 3].tolist() == [0, 0]
            assert file["main"][0, :, 5, 3].tolist() == [-1.25, 2.5]


def test_pictures_of_a_volume_become_a_file(metroem, volumes):
    path, image = volumes["image"]
    metroem(f"cloudvolume-to-h5 --cv_path {path} --dst_path i.h5 --mip 5 --lossless")
    with h5py.File("i.h5") as file:
        np.testing.assert_array_equal(file["main"][3, 0], image[5][:, :, 3, 0])


def shard(path, value, count, size=8):
    Path(path).parent.mkdir(exist_ok=True)
    with h5py.File(path, "w") as file:
        file["main"] = np.full((count, 2, size, size), value, np.float32)


def test_shards_are_joined_in_the_order_of_their_numbers(metroem):
    for number, count in ((10, 2), (9, 3), (0, 1)):
        shard(f"shards/{number}_part.h5", number, count)
    shard("shards/other.h5", 99, 1)
    said = metroem("concat-fields --temp_dir shards --dst_path all.h5 --increment 2")
    assert "other.h5 is left out" in said
    with h5py.File("all.h5") as file:
        assert file["main"][:, 0, 0, 0].tolist() == [0, 9, 9, 9, 10, 10]
    assert "exists already" in metroem("concat-fields --temp_dir shards --dst_path all.h5", 1)


@pytest.mark.parametrize(
    ("name", "size", "said"),
    [("01_again.h5", 8, "have the same number"), ("2_large.h5", 9, "but 1_a.h5 (1, 2, 8, 8)")],
)
def test_shards_that_do_not_fit_are_refused(metroem, name, size, said):
    shard("shards/1_a.h5", 1, 1)
    shard(f"shards/{name}", 1, 1, size)
    assert said in metroem("concat-fields --temp_dir shards --dst_path all.h5", 1)
    assert not Path("all.h5").exists()


def test_a_finer_field_is_of_the_middle_and_its_vectors_are_longer(metroem):
    ramp = np.zeros((2, 2, 16, 16), np.float32)
    ramp[:, 0] = np.arange(16)[:, None]
    with h5py.File("coarse.h5", "w") as file:
        file["main"] = ramp
    metroem("upsample-field --src_path coarse.h5 --src_mip 6 --dst_mip 4 --dst_path fine.h5")
    with h5py.File("fine.h5") as file:
        assert file["main"].shape == (2, 2, 16, 16)
        wanted = 4 * ((np.arange(24, 40) + 0.5) / 4 - 0.5)
        np.testing.assert_allclose(file["main"][0, 0, :, 0], wanted, atol=0.0051)


def test_a_file_that_is_there_is_kept(metroem):
    shard("f.h5", 1, 1)
    for line in (
        "upsample-field --src_path f.h5 --src_mip 5 --dst_mip 4 --dst_path f.h5",
        "concat-fields --temp_dir . --dst_path f.h5",
    ):
        assert "f.h5 exists already" in metroem(line, 1)
    with h5py.File("f.h5") as file:
        assert (file["main"][:] == 1).all()


def test_equal_mips_and_a_margin_of_nothing_keep_everything(metroem):
    shard("a/f.h5", 1.5, 2)
    metroem("upsample-field --src_path a/f.h5 --src_mip 4 --dst_mip 4 --dst_path same.h5")
    metroem("upsample-field --src_path a/f.h5 --src_mip 5 --dst_mip 4 --out_size 16 "
            "--dst_path all.h5")  # fmt: skip
    with h5py.File("same.h5") as same, h5py.File("all.h5") as everything:
        assert (same["main"][:] == 1.5).all()
        assert everything["main"].shape == (2, 2, 16, 16)
        np.testing.assert_allclose(everything["main"][:], 3)
    command = "upsample-field --src_path a/f.h5 --src_mip 5 --dst_mip 4 --dst_path b.h5 "
    assert "--out_size must be at most 16" in metroem(f"{command} --out_size 18", 1)


def test_files_are_combined_by_their_own_names(metroem):
    for name in ("a", "b"):
        Path(name).mkdir()
        with h5py.File(f"{name}/{name}_stack.h5", "w") as file:
            values = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
            file.create_dataset("main", data=values, chunks=(1, 3, 4), compression="lzf")
    metroem("combine-h5 out.h5 a/a_stack.h5 b/b_stack.h5")
    with h5py.File("out.h5") as file:
        assert sorted(file) == ["a_stack", "b_stack"]
        copied = file["a_stack"]
        assert (copied.dtype, copied.chunks, copied.compression) == ("uint8", (1, 3, 4), "lzf")
        assert copied[:].ravel().tolist() == list(range(24))
    assert "two inputs are called" in metroem("combine-h5 c.h5 a/a_stack.h5 a/a_stack.h5", 1)
