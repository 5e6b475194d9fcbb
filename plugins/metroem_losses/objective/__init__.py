"""Objectives: what training makes small. An objective runs the model and weighs the maps."""
