"""Whoever may start something."""
