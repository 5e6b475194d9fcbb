"""Aligners: what finds the field of a pair."""
