"""Gauss-Newton on a cubic B-spline: the field between two pictures, to a fraction of a pixel."""

from .newton import refine

__all__ = ["refine"]
