"""The site: catalogue, queue and board, in Django. Reads are queries, writes are actions."""
