"""Commands: what a user types after metroem."""
