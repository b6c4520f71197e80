"""Several machines on one: `make multi-host`. The site in one network namespace, three workers in others."""
