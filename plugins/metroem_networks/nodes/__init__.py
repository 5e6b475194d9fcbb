"""The nodes of network JSON files, as layers."""
