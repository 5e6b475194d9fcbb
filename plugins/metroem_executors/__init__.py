"""Executors: where the tasks of a large piece of work are computed."""
