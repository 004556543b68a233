"""Timings, kept out of the tests."""
