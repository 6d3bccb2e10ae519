"""The `dakora` command: the whole platform on a laptop, and prompts from a terminal or CI."""

__version__ = "0.1.0"
