"""The parts of the step `curate`."""
