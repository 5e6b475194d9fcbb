"""A smoothness loss for MetroEM that penalises local rotation."""
