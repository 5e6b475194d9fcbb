"""Our aligners for a peers' benchmark: something that runs many programs on the same cases.

There a peer is a function without arguments that makes ``estimate(src, tgt)``: from uint8 pictures
(H, W), where 0 is no data, to a field (2, H, W) of y, x displacements in pixels with
``src(p + field(p)) = tgt(p)``. The file may be imported where nothing of ours is installed.
"""

import numpy as np


def metroem_block_match():
    from metroem_aligners.block_match import BlockMatch

    return estimator(BlockMatch())


def metroem_chain():
    from metroem_aligners.block_match import BlockMatch
    from metroem_aligners.chain import Chain
    from metroem_aligners.optimise import Optimise

    return estimator(Chain((BlockMatch(), Optimise())))


def estimator(aligner):
    """An aligner as peers are wanted."""
    import torch

    from metroem_core.batch import pair

    align = aligner.build()

    def picture(grey):
        return torch.from_numpy(np.ascontiguousarray(grey)).float()[None, None] / 255

    def estimate(src, tgt):
        return align(pair(picture(src), picture(tgt))).field[0].flip(0).numpy()

    return estimate


def register(peer, environment="metroem"):
    """Announce them to ``peer(name, environment)``, each with the environment to run in."""
    for factory in (metroem_block_match, metroem_chain):
        peer(factory.__name__, environment)(factory)
