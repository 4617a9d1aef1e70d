"""Turning the tables into a page, a Markdown report, figures, CSV files and a manifest.

`stage` is the entry, `data` reads the tables, `grids` and `views` say what is shown,
`page`, `markdown`, `csvs` and `figures` write it, `manifest` records what was made from what.
"""
