"""The queue under load: `make bench-queue`."""
