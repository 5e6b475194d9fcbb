"""Sources: where voxels come from."""
