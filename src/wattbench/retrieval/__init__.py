"""Nodes and questions in, contexts out."""
