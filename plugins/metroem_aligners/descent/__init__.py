"""Descent on any energy of a field: what is looked for, what it costs, and two ways down."""
