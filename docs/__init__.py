"""The documents, and the program that runs their commands."""
