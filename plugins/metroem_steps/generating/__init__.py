"""What the step ``generate`` consists of."""
