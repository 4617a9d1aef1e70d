"""Answers and gold in, scores with intervals out."""
