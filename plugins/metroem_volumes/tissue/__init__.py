"""Brain tissue as a function of place, and what cutting and imaging do to it."""
