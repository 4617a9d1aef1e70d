"""What looks wrong in the results, and what to do about it: rows of the table `audit`.

Each check is a function of `checks` (of one run, or of runs beside each other) or `gold`. It sees
`Facts` alone, which `of_study` takes from a study's files and `of_folders` from result folders.
"""
