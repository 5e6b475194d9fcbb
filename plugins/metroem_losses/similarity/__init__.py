"""Similarity: how much two pictures differ, pixel by pixel."""
