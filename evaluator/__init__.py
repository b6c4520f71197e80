"""The worker: claims jobs over HTTPS, runs lm-eval in a child process, posts what it measured. Knows no Django."""
