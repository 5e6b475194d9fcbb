"""What `metroem report` finds in a run folder, and the page that it makes of it."""
