"""The tasks of the suite `parity-core`: generated answers throughout, so that any model can be asked the same items.

They are lm-eval tasks like others (the YAML files beside this one), but read only their data from the Hub: which items,
how they are asked and how answers are read is in `items`. A released task is never changed: it gets a new name.
"""

from pathlib import Path

FOLDER = Path(__file__).parent
