"""Checks that plugin authors run on their own components.

One class for each kind turns the laws of the kind into tests, and one checks what a distribution
announces::

    from metroem_core.testing import SmoothnessConformance

    class TestCurl(SmoothnessConformance):
        component = Curl()
"""

from .aligner import AlignerConformance
from .augmentation import AugmentationConformance
from .command import CommandConformance
from .component import Conformance
from .distribution import DistributionConformance
from .executor import ExecutorConformance
from .mask import MaskConformance
from .metric import MetricConformance
from .network import NetworkConformance
from .normalizer import NormalizerConformance
from .objective import ObjectiveConformance
from .pairs import PairsConformance
from .similarity import SimilarityConformance
from .sink import SinkConformance
from .smoothness import SmoothnessConformance
from .source import SourceConformance
from .step import StepConformance

__all__ = [
    "AlignerConformance",
    "AugmentationConformance",
    "CommandConformance",
    "Conformance",
    "DistributionConformance",
    "ExecutorConformance",
    "MaskConformance",
    "MetricConformance",
    "NetworkConformance",
    "NormalizerConformance",
    "ObjectiveConformance",
    "PairsConformance",
    "SimilarityConformance",
    "SinkConformance",
    "SmoothnessConformance",
    "SourceConformance",
    "StepConformance",
]
