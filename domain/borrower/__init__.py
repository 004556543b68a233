"""One borrower: where contact may reach, what stands against it, what was promised."""
