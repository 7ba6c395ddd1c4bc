def cleaned(text: str) -> str:
    return " ".join(text.split())
