"""Documents in, one tree of nodes out."""
