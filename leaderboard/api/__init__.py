"""HTTP for programs: the public API (DRF) and the worker API (the contract's own types)."""
