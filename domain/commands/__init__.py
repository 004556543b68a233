"""One function per command: load, decide, save. The only place that sees the store."""
