"""A network that is small, and learns in minutes to align."""

HALVED = {
    "type": "custom_layer",
    "import": ["torch"],
    "code": "result = torch.nn.AvgPool2d(2, count_include_pad=False)",
}


def network(features=8, width=24, levels=4, k=5):
    """Features at some sizes; from the coarsest to that of half the picture, a better field.

    :param k: pixels along a side of the kernels that make fields of features.
    """
    first = {"type": "convblock", "arch_desc": {"fms": [1, 8, features], "k": 3}}
    more = {"type": "convblock", "arch_desc": {"fms": [features + 1, 16, features], "k": 3}}
    further = {"type": "transparentseq", "modules": [HALVED, more]}
    ups = {
        "0": both(1, {"type": "identity"}, first),
        **{str(level): both(features + 1, HALVED, further) for level in range(1, levels)},
    }
    votes = {"component_channels": 7, "max_value": 3, "train_step": True}
    layers = [
        {"type": "convblock", "arch_desc": {"fms": [2 * features + 2, *3 * [width], 14], "k": k}},
        {"type": "categorical_regression", "arch_desc": votes},
    ]
    down = {"type": "sequence", "arch_desc": {"module_list": layers}}
    look = {"type": "warp_with_input_downmodule", "arch_desc": {"inner_module": down}}
    links = {"uplinks": {"type": "identity"}, "downlinks": {"type": "upsample_residuals"}}
    links |= {"skiplinks": {"type": "identity"}}
    links |= {"combiners": {"type": "rollback_warp", "arch_desc": {"rollback": 0}}}
    downs = {str(level): look for level in range(1, levels)}
    roles = {name: {"all": node} for name, node in links.items()}
    return {
        "type": "scalenet",
        "spec": {"type": "scalenet", "upmodules": ups, "downmodules": downs, **roles},
    }


def both(channels, picture, features):
    """A node for each of two pictures: their first channel is the picture itself."""
    parts = [
        {"fm_range": [0, 1], "module": picture},
        {"fm_range": [0, channels], "module": features},
    ]
    return {
        "type": "fm_range_apply",
        "fm_range": channels,
        "module": {"type": "split_processor", "processors": parts},
    }
