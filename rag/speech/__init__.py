"""Who said what: the reported speech of English articles, and questions about it."""
