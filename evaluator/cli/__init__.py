"""The command line, one module for a group of commands: `parity submit`, `parity run`, `parity verify` ..."""
