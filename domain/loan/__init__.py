"""One loan, from the application to the last recovery."""
