"""Real PostgreSQL and Apache Kafka, started from Python packages and jars."""
