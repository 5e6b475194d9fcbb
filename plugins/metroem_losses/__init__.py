"""Losses: maps that say how unlike two pictures are and how rough a field is."""
