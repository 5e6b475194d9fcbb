"""The parts of the step `train`."""
