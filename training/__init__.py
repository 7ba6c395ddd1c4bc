"""How the shipped weights were made; nothing of ``rag`` or ``ingest`` imports it."""

import rag  # noqa: F401  # before onnxruntime, which it keeps from reporting
