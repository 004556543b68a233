"""What law and house decide: dated rules in versions that are never edited."""
