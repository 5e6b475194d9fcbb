from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import nn

from metroem_aligners.archives import Fitted, fit
from metroem_core.errors import UserError

HERE = Path("archive.pt")


def net(*channels: int) -> nn.Sequential:
    torch.manual_seed(sum(channels))
    pairs = pairwise(channels)
    return nn.Sequential(*(nn.Conv2d(a, b, 3) for a, b in pairs))


def test_weights_of_the_same_names_and_shapes_are_taken_as_they_are() -> None:
    old, new = net(1, 4, 2), net(1, 4, 2)
    assert fit(new, old.state_dict(), HERE) == Fitted(exact=4)
    assert all(new.state_dict()[name].equal(each) for name, each in old.state_dict().items())


def test_of_another_shape_the_common_corner_is_taken_and_the_rest_calmed() -> None:
    old, new = net(1, 4, 2), net(1, 9, 2)
    assert fit(new, old.state_dict(), HERE) == Fitted(exact=1, partial=3)
    assert new[0].weight[:4].equal(old[0].weight)
    assert new[0].weight[4:].std().item() == pytest.approx(
        0.2 * old[0].weight.std().item(), rel=0.3
    )
    assert new[1].weight[:, :4].equal(old[1].weight)


def test_what_stands_in_the_file_twice_is_taken_once() -> None:
    old, new = net(1, 2), net(1, 2)
    doubled = {**old.state_dict(), **{f"seq.{n}": each for n, each in old.state_dict().items()}}
    assert fit(new, doubled, HERE) == Fitted(exact=2, skipped=2)


def test_a_smaller_network_in_the_file_leaves_new_weights() -> None:
    assert fit(net(1, 4, 2), net(1, 4).state_dict(), HERE) == Fitted(exact=2, new=2)


def test_other_names_are_matched_by_shape_in_their_order() -> None:
    old, new = net(1, 4, 4, 4), net(1, 4, 4, 4)
    renamed = {f"old_{name}": each for name, each in old.state_dict().items()}
    assert fit(new, renamed, HERE) == Fitted(exact=6)
    assert all(new.state_dict()[name].equal(each) for name, each in old.state_dict().items())


def test_more_weights_than_the_network_has_are_refused() -> None:
    with pytest.raises(UserError, match="has 4 weights, but the network only 2"):
        fit(net(1, 4), net(1, 4, 2).state_dict(), HERE)


def test_weights_of_another_network_are_refused() -> None:
    with pytest.raises(UserError, match="none of them fits"):
        fit(net(1, 4), {"other": torch.ones(7, 7)}, HERE)
