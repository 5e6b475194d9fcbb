"""Steps: the parts of a chain, and the demo that runs one."""
