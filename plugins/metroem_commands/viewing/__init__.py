"""What `metroem view` opens, and how Neuroglancer shows it."""
