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
from .metric import MetricConformance
from .objective import ObjectiveConformance
from .similarity import SimilarityConformance
from .smoothness import SmoothnessConformance
from .source import SourceConformance
from .step import StepConformance

__all__ = [
    "AlignerConformance",
    "AugmentationConformance",
    "CommandConformance",
    "Conformance",
    "DistributionConformance",
    "MetricConformance",
    "ObjectiveConformance",
    "SimilarityConformance",
    "SmoothnessConformance",
    "SourceConformance",
    "StepConformance",
]
