"""Sinks: where voxels go to."""
