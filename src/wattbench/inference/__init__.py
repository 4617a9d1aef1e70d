"""Contexts in, answers and their ledger out."""
