"""Specs to start from, one file for each purpose.

A file begins with what it needs, between two lines of dashes: names, and what each of them is. In
the text behind it, ``@{NAME}`` stands for the value.
"""
