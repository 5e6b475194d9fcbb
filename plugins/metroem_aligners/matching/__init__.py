"""Matching: which pieces of two pictures look alike, and the field that most agree on."""
