"""How well a collection is answered: questions with known answers in, figures and failures out."""
