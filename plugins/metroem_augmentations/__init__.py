"""Augmentations: batches changed at random, each array by its nature."""
