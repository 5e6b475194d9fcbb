"""What holds for every executor."""

from __future__ import annotations

import operator
import os
from typing import Any

import pytest

from ..blocks import Task, work
from .component import Conformance


class ExecutorConformance(Conformance):
    """Laws of computing somewhere else."""

    def test_it_computes_functions_of_values(self) -> None:
        with self.component.open() as pool:
            futures = [pool.submit(operator.add, number, 1) for number in range(5)]
            assert [future.result() for future in futures] == [1, 2, 3, 4, 5]

    def test_it_takes_more_calls_than_there_are_workers(self) -> None:
        with self.component.open() as pool:
            futures = [pool.submit(int, str(number), base=8) for number in range(10, 40, 10)]
            futures += [pool.submit(operator.neg, number) for number in range(20)]
            assert [future.result() for future in futures] == [8, 16, 24, *range(0, -20, -1)]

    def test_it_hands_over_what_goes_wrong(self) -> None:
        with self.component.open() as pool:
            failed = pool.submit(operator.truediv, 1, 0)
            assert isinstance(failed.exception(), ZeroDivisionError)
            assert pool.submit(operator.add, 1, 1).result() == 2

    def test_it_says_how_many_work(self) -> None:
        with self.component.open() as pool:
            assert getattr(pool, "workers", 1) >= 1

    def test_an_exception_on_the_way_ends_it(self) -> None:
        with pytest.raises(KeyError):
            self._interrupted()

    def _interrupted(self) -> None:
        with self.component.open() as pool:
            pool.submit(operator.add, 1, 1)
            raise KeyError

    def test_it_does_tasks(self) -> None:
        tasks = [Task(f"task{number}", number) for number in range(5)]
        assert work(tasks, operator.attrgetter("what"), self.component) == (0, 1, 2, 3, 4)

    def test_the_number_of_threads_is_one(self) -> None:
        before = threads()
        with self.component.open() as pool:
            assert pool.submit(threads).result() == 1
        assert threads() == before

    def test_it_can_be_opened_again(self) -> None:
        for _ in range(2):
            with self.component.open() as pool:
                assert isinstance(pool.submit(os.getpid).result(), int)


def threads(*_: Any) -> int:
    """How many threads torch has."""
    import torch

    return torch.get_num_threads()
