"""Every type of node: its arithmetic, by hand where that is short, and mistakes in its JSON."""

import copy
import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from metroem_core.errors import UserError
from metroem_core.field import compose, random_smooth, sample
from metroem_networks.nodes.incoming import Incoming
from metroem_networks.nodes.reach import reach_of
from metroem_networks.nodes.table import NODES, build

AVERAGE = {
    "type": "custom_layer",
    "import": ["torch"],
    "code": "result = torch.nn.AvgPool2d(2, count_include_pad=False)",
}
MAXIMUM = {"type": "custom_layer", "code": "result = torch.nn.MaxPool2d(2)"}
IDENTITY = {"type": "identity"}


def convblock(fms, k=3, **settings):
    return {"type": "convblock", "arch_desc": {"fms": fms, "k": k, **settings}}


def node(spec, seed=0):
    """A node that is described so, with weights drawn by a seed."""
    torch.manual_seed(seed)
    return build(copy.deepcopy(spec), "net.json").eval()


def picture(channels=1, side=8, count=2):
    return torch.rand(count, channels, side, side, generator=torch.Generator().manual_seed(1))


def test_convolutions_keep_the_size_and_have_leaky_activations_between_them():
    block, x = node(convblock([1, 4, 2], k=5)), picture()
    first, _, last = block.layers
    expected = last(F.leaky_relu(first(x), 0.01))
    assert block(x).equal(expected)
    assert first.bias.abs().max() == 0


def test_a_skip_leads_from_before_an_activation_to_the_input_of_a_later_convolution():
    block, x = node(convblock([1, 3, 3, 2], skips={"1": 3})), picture()
    one, two, three = block.layers[::2]
    before = one(x)
    expected = three(F.leaky_relu(two(F.leaky_relu(before))) + before)
    torch.testing.assert_close(block(x), expected)


def test_skips_that_end_together_are_added():
    block, x = node(convblock([1, 3, 3, 3, 2], skips={"1": 4, "2": 4})), picture()
    one, two, three, four = block.layers[::2]
    first = one(x)
    second = two(F.leaky_relu(first))
    expected = four(F.leaky_relu(three(F.leaky_relu(second))) + first + second)
    torch.testing.assert_close(block(x), expected)


@pytest.mark.parametrize(("word", "act"), [("relu", F.relu), ("tanh", torch.tanh)])
def test_other_activations(word, act):
    block, x = node(convblock([1, 4, 2], act=word)), picture()
    assert block(x).equal(block.layers[2](act(block.layers[0](x))))


def test_norms_stand_before_activations_and_before_the_first_convolution():
    flags = ["inputnorm", "instancenorm"]
    block, x = node(convblock([2, 4, 2], flags=flags)), picture(2)
    kinds = [type(each).__name__ for each in block.layers]
    assert kinds == ["InstanceNorm2d", "Conv2d", "InstanceNorm2d", "LeakyReLU", "Conv2d"]
    torch.testing.assert_close(block(5 * x + 3), block(x), atol=1e-3, rtol=0)
    block = node(convblock([2, 4, 2], flags=["batchnorm"]))
    assert isinstance(block.layers[1], nn.BatchNorm2d)


def test_weights_have_both_names_that_older_files_give_them():
    names = node(convblock([1, 4, 2])).state_dict().keys()
    assert {"layers.2.weight", "seq.2.weight"} <= names


def regression(**settings):
    return {"type": "categorical_regression", "arch_desc": settings}


def test_a_single_vote_is_the_displacement_of_its_bin():
    votes = torch.zeros(1, 32, 1, 1)
    votes[0, 3], votes[0, 15 + 14] = 100, 100
    answer = node(regression(component_channels=15, max_value=7))(votes)
    torch.testing.assert_close(answer.flatten(), torch.tensor([-4.0, 7.0]))


def test_even_votes_stand_still_and_the_least_wins_with_softmin():
    votes = torch.zeros(1, 14, 1, 1)
    assert node(regression())(votes).abs().max() < 1e-6
    votes[0, 6] = -100
    assert node(regression(norm_method="softmin", step=0.5))(votes)[0, 0] == 1.5


def test_on_a_grid_one_vote_decides_on_both_components():
    votes = torch.zeros(1, 9, 1, 1)
    votes[0, 2] = 100  # row 0, column 2
    answer = node(regression(component_channels=3, grid=True))(votes)
    torch.testing.assert_close(answer.flatten(), torch.tensor([-1.0, 1.0]))


def test_normalised_votes_have_the_mean_0_and_the_variance_1():
    votes = torch.randn(1, 6, 2, 2)
    one = votes[:, :3]
    share = (one - one.mean(1, True)) / (one.var(1, correction=0, keepdim=True) + 1e-5).sqrt()
    answer = node(regression(component_channels=3, norm_method="norm"))(votes)
    torch.testing.assert_close(answer[:, 0], share[:, 2] - share[:, 0])


def test_bins_are_weights_only_when_they_are_trained():
    assert not node(regression()).state_dict()
    assert node(regression(train_step=True)).state_dict()["weights"].shape == (7, 1)
    grid = regression(train_step=True, grid=True, component_channels=3)
    assert node(grid).state_dict()["weights"].shape == (9, 2)


def test_channels_may_stand_last():
    votes = torch.randn(1, 14, 3, 4)
    last = node(regression(permute=False))(votes.movedim(1, -1))
    torch.testing.assert_close(last.movedim(-1, 1), node(regression())(votes))


def test_the_same_layers_see_every_group_of_channels():
    each = node({"type": "fm_range_apply", "fm_range": 2, "module": convblock([2, 3])})
    x = picture(4)
    expected = torch.cat([each.module(x[:, :2]), each.module(x[:, 2:])], dim=1)
    torch.testing.assert_close(each(x), expected)
    with pytest.raises(UserError, match="a multiple of 2 channels, not 3"):
        each(picture(3))


def test_processors_see_their_ranges_of_channels():
    split = {
        "type": "split_processor",
        "processors": [
            {"fm_range": [0, 1], "module": IDENTITY},
            {"fm_ranges": [[1, 2], [3, 4]], "module": IDENTITY},
        ],
    }
    x = picture(4)
    assert node(split)(x).equal(x[:, [0, 1, 3]])


def test_chains_run_one_node_after_the_other():
    parts = [convblock([1, 2]), AVERAGE]
    sequence = node({"type": "Sequence", "arch_desc": {"module_list": parts}})
    transparent, x = node({"type": "TransparentSeq", "modules": parts}), picture()
    assert sequence(x).equal(F.avg_pool2d(sequence[0](x), 2))
    assert transparent(x).equal(sequence(x))
    assert [each.shape[1] for each in transparent.intermediate(x)] == [1, 2, 2]
    assert "stages.0.layers.0.weight" in transparent.state_dict()
    assert "0.layers.0.weight" in sequence.state_dict()


def test_siamese_nets_see_each_of_some_pictures():
    siamese = node({"type": "siamese_net", "arch_desc": {"net": convblock([1, 2])}})
    one, other = siamese([picture(), picture() + 1])
    assert one.equal(siamese.module(picture()))
    assert other.equal(siamese.module(picture() + 1))


def test_a_model_with_weights_has_them_beside_its_own():
    both = node({"type": "modelwithweights", "num_weights": 3, "model": convblock([1, 2])})
    assert both.state_dict()["weights"].tolist() == [1, 1, 1]
    assert both(picture()).equal(both.m(picture()))


def test_simple_nodes():
    x = picture(2)
    assert node(IDENTITY)(x).equal(x)
    assert node(AVERAGE)(x).equal(F.avg_pool2d(x, 2))
    assert node(MAXIMUM)(x).equal(F.max_pool2d(x, 2))
    assert node({"type": "log_softmax"})(x).equal(x.log_softmax(dim=1))
    thrice = node({"type": "interpolate", "scale": 3, "mode": "nearest"})
    assert thrice(x).equal(x.repeat_interleave(3, 2).repeat_interleave(3, 3))
    larger = F.interpolate(x, scale_factor=2, mode="bilinear")
    assert node({"type": "upsample_residuals"})(x).equal(2 * larger)
    incoming = Incoming(x, (8, 8))
    assert node({"type": "add"})(x, incoming).equal(2 * x)
    assert node({"type": "add"})(x).equal(x)


@pytest.mark.parametrize("fill", [None, -1.0])
def test_pictures_are_normalised_by_pixels_that_are_not_masked(fill):
    x = picture(2)
    x[:, :, :3] = 0
    normal = node({"type": "masked_normalize", "mask_fill": fill})(x)
    for before, after in zip(x, normal, strict=True):
        counted = after[before != 0]
        assert abs(counted.mean()) < 1e-5
        assert abs(counted.var() - 1) < 1e-3
        assert (after[before == 0] == (fill or 0)).all()


@pytest.mark.parametrize("kind", ["lt", "lte", "gt", "gte"])
def test_a_mask_may_compare_in_other_ways(kind):
    x = picture()
    masked = node({"type": "masked_normalize", "mask_type": kind, "mask_value": 0.5})(x)
    kept = x < 0.5 if kind[0] == "l" else x > 0.5
    assert masked[kept].equal(x[kept])


def test_output_is_filled_where_all_input_is_masked():
    x = picture() + 0.1
    x[:, :, :2, :3] = 0
    spec = {"type": "mask_output_based_on_input", "inner_module": AVERAGE, "mask_fill": 9}
    filled = node(spec)(x)
    assert (filled == 9).sum() == 2
    assert (filled[:, 0, 0, 0] == 9).all()


def fields(side=32):
    """An incoming field and a residual, some pixels long."""
    draw = torch.Generator().manual_seed(2)
    return tuple(random_smooth((side, side), 3.0, 12.0, draw) for _ in range(2))


def test_residuals_are_found_after_the_source_was_warped_and_follow_the_field():
    incoming, residual = fields()
    accumulate = node(
        {"type": "warp_with_input_downmodule", "arch_desc": {"inner_module": IDENTITY}}
    )
    total = accumulate(residual, Incoming(incoming, (32, 32)))
    assert total.equal(compose(residual, incoming))
    assert accumulate(residual).equal(residual)


def test_older_networks_add_the_residual_at_the_place_that_the_field_points_to():
    incoming, residual = fields()
    total = Incoming(incoming, (32, 32), legacy=True).total(residual)
    torch.testing.assert_close(total, incoming + sample(residual, incoming * 32 / 31))


def test_a_tile_of_an_older_network_warps_as_the_whole_does():
    incoming, residual = fields()
    whole = Incoming(incoming, (320, 64), legacy=True).total(residual)
    factor = torch.tensor([64 / 63, 320 / 319]).view(1, 2, 1, 1)
    torch.testing.assert_close(whole, incoming + sample(residual, incoming * factor))


@pytest.mark.parametrize("rollback", [0, 1, 2])
def test_the_source_is_warped_and_the_target_is_not(rollback):
    warp = node({"type": "rollback_warp", "arch_desc": {"rollback": rollback}})
    x = torch.cat([random_smooth((32, 32), 1.0, 10.0, torch.Generator())] * 2, dim=1)
    right = torch.tensor([3.0, 0]).view(1, 2, 1, 1).expand(1, 2, 32, 32)
    warped = warp(x, Incoming(right, (32, 32)))
    assert warped[:, 2:].equal(x[:, 2:])
    torch.testing.assert_close(warped[..., :2, :, :-3], x[..., :2, :, 3:], atol=1e-5, rtol=0)
    assert warp(x) is x


class Constant(nn.Module):
    def __init__(self, x, y):
        super().__init__()
        self.vector = torch.tensor([x, y]).view(1, 2, 1, 1)

    def forward(self, x, incoming=None):
        return self.vector.expand(len(x), 2, *x.shape[-2:])


@pytest.mark.parametrize(("mode", "change"), [("combine_res", 2.0), ("warp_res", 0.0)])
@pytest.mark.parametrize("legacy", [False, True])
def test_a_field_may_be_corrected_before_it_is_used(mode, change, legacy):
    settings = {"rollback": 0, "mode": mode, "inner_module": convblock([5, 2])}
    hindsight = node({"type": "hindsight_warp", "arch_desc": settings})
    x, slope = picture(2, 32, 1), torch.arange(32.0).view(1, 1, 1, 32) / 8
    field = torch.cat([slope.expand(1, 1, 32, 32), torch.zeros(1, 1, 32, 32)], dim=1)
    incoming = Incoming(field, (32, 32), legacy)
    assert hindsight(x, incoming).shape == x.shape
    assert hindsight.corrected(x, incoming).field.shape == field.shape
    hindsight.inner_module = Constant(2.0, 0.0)
    corrected = hindsight.corrected(x, incoming).field
    expected = field[..., 2:] + torch.tensor([change, 0]).view(1, 2, 1, 1)
    torch.testing.assert_close(corrected[..., :20], expected[..., :20], atol=0.02, rtol=0)
    warped_half = 1 if legacy else 0
    assert hindsight(x, incoming)[:, 1 - warped_half].equal(x[:, 1 - warped_half])
    assert hindsight(x) is x


def test_a_node_can_be_kept_from_training():
    frozen = node({**convblock([1, 2]), "trainable": False})
    assert not any(each.requires_grad for each in frozen.parameters())


@pytest.mark.parametrize(
    ("spec", "radius", "shrinks"),
    [
        (convblock([1, 2, 2, 1], k=7), 9, 1),
        (AVERAGE, 1, 2),
        ({"type": "transparentseq", "modules": [AVERAGE, convblock([1, 2])]}, 3, 2),
        (convblock([1, 2, 1], flags=["instancenorm"]), math.inf, 1),
    ],
)
def test_nodes_say_how_far_they_see(spec, radius, shrinks):
    reach = reach_of(node(spec))
    assert (reach.radius, reach.shrinks) == (radius, shrinks)


def test_there_is_a_test_of_every_type():
    text = Path(__file__).read_text().lower()
    others = NODES.keys() - {"scalenet"}  # which has a file of its own
    assert not [name for name in others if f'"{name}"' not in text]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"type": "convblok"}, "net.json.type is 'convblok'.*Did you mean 'convblock'"),
        ({"type": "zzz"}, "There are: add, "),
        ({}, "net.json needs 'type'"),
        ([], "net.json must be an object"),
        ({"type": "convblock"}, "net.json.arch_desc needs a list 'fms'"),
        (convblock([1]), "arch_desc.fms must be two or more"),
        (convblock([1, "2"]), "arch_desc.fms must be a list of whole numbers"),
        (convblock([1, 2], k=4), "arch_desc.k must be odd, .* not 4"),
        (convblock([1, 2], k="3"), "arch_desc.k must be a whole number, not '3'"),
        (convblock([1, 2], act="leru"), "arch_desc.act cannot be 'leru'; did you mean 'lrelu'"),
        (convblock([1, 2], flags=["norm"]), "flags has 'norm'; there are batchnorm"),
        (convblock([1, 2, 2], skips={"2": 1}), "skips.2 must lead on from one of 2"),
        (regression(step=1, max_value=3), "has both 'step' and 'max_value'"),
        (regression(norm_method="sofmax"), "did you mean 'softmax'"),
        (regression(grid=True, out_channels=3), "must be 2 on a grid, not 3"),
        (regression(component_channels=1), "needs 2 'component_channels'"),
        ({"type": "split_processor", "processors": []}, "one processor or more"),
        (
            {"type": "split_processor", "processors": [{"fm_range": [1], "module": IDENTITY}]},
            r"processors\[0\].fm_range must be the first channel",
        ),
        ({"type": "fm_range_apply", "fm_range": 0, "module": IDENTITY}, "1 or more channels"),
        ({"type": "fm_range_apply", "fm_range": 1}, "net.json needs 'module'"),
        ({"type": "interpolate", "scale": 0}, "scale must be > 0"),
        ({"type": "rollback_warp", "arch_desc": {"rollback": -1}}, "must be 0 or more"),
        (
            {"type": "sequence", "arch_desc": {"module_list": [IDENTITY, {"type": "ad"}]}},
            r"net.json.arch_desc.module_list\[1\].type is 'ad'.*'add'",
        ),
        (
            {"type": "custom_layer", "code": "import os; os.mkdir('x')"},
            "net.json.code is not known, and code is never run",
        ),
    ],
)
def test_mistakes_are_told_with_their_place(spec, said):
    with pytest.raises(UserError, match=said) as refusal:
        build(spec, "net.json")
    assert "\n" not in str(refusal.value)
