"""What `metroem model` does with module and pyramid folders."""
