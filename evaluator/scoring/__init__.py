"""How an answer to a prompt of one's own is scored: pure functions that the site (a preview) and the worker share.

spec      the ways of scoring and their options, checked
patterns  regular expressions by RE2, which none keeps busy
texts     equal, contained, a number, a choice
overlap   ROUGE and chrF, without their packages
objects   JSON: a schema, fields
calls     calls of tools
scored    one answer, by one of them

Whoever uploads a workload writes patterns and schemas: they are data. None is run but by RE2, none is fetched.
"""
