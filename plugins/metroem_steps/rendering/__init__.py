"""What the step ``render`` consists of."""
