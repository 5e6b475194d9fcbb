"""What `metroem dataset` says and draws."""
