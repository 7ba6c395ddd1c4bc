"""The index: articles.db, its caches, and the folder that they lie in; ``rag.store`` opens it for reading."""
