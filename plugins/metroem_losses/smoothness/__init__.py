"""Smoothness: how rough a displacement field is, pixel by pixel."""
