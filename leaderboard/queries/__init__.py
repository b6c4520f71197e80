"""Every read that pages and API make. Nothing here writes."""
