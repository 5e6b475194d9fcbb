"""What the step ``align`` consists of."""
