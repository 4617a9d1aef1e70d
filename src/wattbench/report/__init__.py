"""Tables in, a report out."""
