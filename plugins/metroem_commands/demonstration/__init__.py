"""What `metroem demo` runs, and the table that it ends with."""
