"""The demo book: a real loan tape replayed as new business, and a generated book."""
