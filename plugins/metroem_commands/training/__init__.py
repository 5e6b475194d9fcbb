"""Training as the older trainer was told to do it: parameter files, presets, GPUs."""
