"""Each guard of the queue is taken away in turn, and some test has to notice: `make guards`."""
