"""The whole product under hundreds of faults at once: `make chaos`."""
