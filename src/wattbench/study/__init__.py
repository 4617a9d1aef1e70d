"""The validated study: what the user asked for, and nothing else.

`models` holds its sections, `load` reads it from YAML, `identity` says which fields define a
result, `layout` where every file of a study lies, `questions` reads question sets.
"""
