"""Boxes cut into tasks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metroem_core.blocks import Task, plan
from metroem_core.geometry import Box

sizes = st.tuples(*[st.integers(1, 7)] * 3)
places = st.tuples(*[st.integers(-20, 20)] * 3)


@given(start=places, size=sizes, block=sizes, chunk=sizes, origin=places)
@settings(max_examples=60, deadline=None)
def test_every_voxel_is_written_once_and_every_chunk_by_one_task(start, size, block, chunk, origin):
    whole = Box.of(start, size)
    writers = np.full(whole.shape, -1)
    for number, task in enumerate(plan(whole, block, chunk, origin=origin)):
        part = writers[task.what.write.slices(whole)]
        assert part.size
        assert (part == -1).all()
        part[:] = number
    assert (writers >= 0).all()
    for axis, (first, n, zero) in enumerate(zip(start, chunk, origin, strict=True)):
        along = np.moveaxis(writers, 2 - axis, 0)
        for place in range(1, len(along)):
            inside_a_chunk = (first + place - zero) % n != 0
            assert not inside_a_chunk or (along[place] == along[place - 1]).all()


def test_a_plan_is_always_the_same_and_its_tasks_have_their_own_names():
    box = Box((-5, 0, 3), (100, 70, 9))
    tasks = plan(box, (32, 32, 2), (16, 16, 1))
    assert tasks == plan(box, (32, 32, 2), (16, 16, 1))
    assert len({task.name for task in tasks}) == len(tasks) == 5 * 3 * 4


def test_blocks_grow_to_whole_chunks():
    tasks = plan(Box((0, 0, 0), (100, 10, 1)), (20, 20, 1), (16, 16, 1))
    assert [task.what.write.size[0] for task in tasks] == [32, 32, 32, 4]


def test_a_task_reads_a_halo_around_what_it_writes():
    (task,) = plan(Box((0, 0, 0), (8, 8, 1)), (8, 8, 1), (8, 8, 1), halo=(3, 2, 0))
    assert task.what.read == Box((-3, -2, 0), (11, 10, 1))


def test_what_is_stored_in_one_piece_makes_one_task():
    box = Box((0, 0, 0), (100, 100, 10))
    assert [task.what.write for task in plan(box, (8, 8, 1), None)] == [box]


@pytest.mark.parametrize("start", [(0, 0, 0), (3, 0, 0), (3, 2, 1)])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_an_empty_box_makes_no_task(start, axis):
    size = [4, 4, 4]
    size[axis] = 0
    for chunk in (None, (8, 8, 2)):
        assert plan(Box.of(start, size), (8, 8, 2), chunk) == ()


def test_a_block_of_nothing_is_refused():
    with pytest.raises(ValueError, match="too small"):
        plan(Box((0, 0, 0), (8, 8, 8)), (0, 8, 8), (4, 4, 4))


@pytest.mark.parametrize("name", ["", "a/b", ".hidden", "a b", "x" * 201])
def test_a_name_that_is_no_part_of_a_file_name_is_refused(name):
    with pytest.raises(ValueError, match="'name'"):
        Task(name)
