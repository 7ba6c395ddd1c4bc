"""How the shipped weights were made; nothing of ``rag`` or ``ingest`` imports it."""
