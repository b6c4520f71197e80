"""Every write: one verb a file, keyword-only arguments, one transaction each. Nothing else changes a row."""
