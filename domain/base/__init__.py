"""Words that every area of the domain shares."""
