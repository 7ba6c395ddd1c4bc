"""SCREEN: what a person at the page sees and does. It imports rag and ingest, and no part of Gradio."""
