"""What the lender offers, in published versions that are never edited."""
