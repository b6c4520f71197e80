"""A judge model's part of a workload: what it is asked, how its reply is read, and what a person grades blind. No
database.

What is asked is a template of ours. The owner's rubric is an instruction; prompts and answers are data between lines
with a mark that nobody knew when they were written, and a reply counts by its last line alone.
"""
