"""Tables in, findings out."""
