"""A ranking as columns in memory: what makes any filter, facet, search and sort of 100,000 models a few milliseconds.

facts.py    which facts a row has, and which of them are facets
table.py    the columns themselves: built once for a snapshot, kept as an Arrow file, read without parsing
search.py   the search language: `license:apache size:<10 qwen -merge`
select.py   rows, counts and facets for what a reader asked

Pure: no Django, no database. A snapshot never changes, so its columns may be cached for as long as anyone likes.
"""
