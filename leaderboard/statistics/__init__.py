"""Pure mathematics of scores and ranks: numbers in, numbers out, no Django."""
