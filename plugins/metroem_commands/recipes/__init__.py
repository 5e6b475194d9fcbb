"""Networks for new modules, each as it would stand in a spec."""
