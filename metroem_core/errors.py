"""What is told to a user in plain words, without a traceback."""


class UserError(Exception):
    """A mistake that the user can mend. Its text says where, what, and what to do."""
