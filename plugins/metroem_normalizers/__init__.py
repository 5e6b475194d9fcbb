"""Normalizers: pictures from everywhere with the same grey values."""
