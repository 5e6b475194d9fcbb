"""Networks: the layers that aligners train and run."""
