"""Metrics: how good a prediction is, in numbers for people."""
