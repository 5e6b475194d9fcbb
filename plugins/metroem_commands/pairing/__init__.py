"""What ``metroem pair`` does, one thing after the other."""
