"""Where pixels come from: motions and symmetries of everything in a batch."""
