"""What an installation carries and needs: `make bench-load`."""
