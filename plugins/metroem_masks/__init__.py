"""Masks: weights and labels of places, made of other volumes."""
