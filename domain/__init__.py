"""The rules of loan servicing; no I/O, no clock."""
