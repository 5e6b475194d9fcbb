"""The command lines of the older curation programs, flag for flag."""
