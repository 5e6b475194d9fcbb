"""Training parameters by mip, as the older trainer reads them."""
