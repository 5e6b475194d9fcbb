"""Pairs: where the pictures of a training set come from."""
