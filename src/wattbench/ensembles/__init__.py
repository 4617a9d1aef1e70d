"""Members' answers in, voted answers out."""
