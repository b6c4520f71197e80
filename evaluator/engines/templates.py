"""Task templates without reach: lm-eval renders a task's Jinja with everything Python has, and a suite may be anyone's.

`install` gives lm-eval an environment with the same options and filters whose templates see values and no internals.
"""

from jinja2 import BaseLoader, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment
from lm_eval import utils


def install() -> None:
    """Replace the environment in which lm-eval renders prompts and targets. Call it before any task is built."""
    stock = utils.env
    sandboxed = SandboxedEnvironment(loader=BaseLoader(), undefined=StrictUndefined, keep_trailing_newline=True)
    sandboxed.filters.update(stock.filters)
    utils.env = sandboxed
