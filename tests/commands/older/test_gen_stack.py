"""`metroem gen-stack`: stacks from a volume."""

from pathlib import Path

import h5py
import numpy as np
from volumes_of_guides import X, Y, Z


def test_stacks_are_written_with_their_places_and_can_be_taken_again(metroem, volumes):
    path, image = volumes["image"]
    flags = f"--source {path} --mip 5 --stack_height 2 --dim 48 --zs 8174 --ze 8181"
    metroem(f"gen-stack first --count 3 {flags}")
    with h5py.File("first_train_mip5.h5") as file:
        stacks = file["main"]
        assert (stacks.shape, stacks.dtype) == ((3, 2, 48, 48), "uint8")
        assert (stacks.chunks, stacks.compression) == ((1, 1, 48, 48), "lzf")
        kept = stacks[:]
    places = eval(Path("first_train_mip5coords.txt").read_text())
    for (x, y, z, side, height), stack in zip(places, kept, strict=True):
        assert (side, height) == (48 * 32, 2)
        assert z + height <= 8180  # a fifth of seven sections is kept for tests
        left, top = (x - X) // 32, (y - Y) // 32
        wanted = image[5][left : left + 48, top : top + 48, z - Z : z - Z + 2, 0]
        np.testing.assert_array_equal(stack, wanted.transpose(2, 0, 1))
    metroem(f"gen-stack again --coords first_train_mip5coords.txt {flags}")
    with h5py.File("again_train_mip5.h5") as file:
        np.testing.assert_array_equal(file["main"][:], kept)


def test_sections_for_tests_are_others(metroem, volumes):
    path = volumes["image"][0]
    metroem(f"gen-stack s --count 4 --test --source {path} --stack_height 1 --dim 16 "
            "--zs 8174 --ze 8181")  # fmt: skip
    places = eval(Path("s_test_mip5coords.txt").read_text())
    assert {z for _, _, z, _, _ in places} == {8180}


def test_stacks_with_missing_chunks_are_never_stored_as_zeros(metroem, volumes):
    flags = f"--source {volumes['image'][0]} --mip 4 --stack_height 1 --dim 16 --zs 8174 --ze 8181"
    assert "nothing is whole at 20 places" in metroem(f"gen-stack s --count 1 {flags}", 1)
    assert not list(Path().glob("s_*"))
