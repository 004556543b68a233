"""The database schema, step by step, and the topics; run as the owner, never by programs."""
