"""Everything that Citewise raises on purpose, as one tree.

A message says what failed, on which thing, found against expected; the hint is one thing to do about it.
"""

from __future__ import annotations


class CitewiseError(Exception):
    """The root of the tree; ``str()`` of it is the message and, on a line of its own, the hint."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class SettingsError(CitewiseError):
    """A setting has a value that it cannot have."""


class QuestionError(CitewiseError):
    """A question is empty, too long, or has no word to search for."""


class CorpusError(CitewiseError):
    """A file, or a line of one, cannot be read as an article; ``place`` is ``path`` or ``path:line``."""

    def __init__(self, place: str, message: str, hint: str = "") -> None:
        super().__init__(f"{place}: {message}", hint)
        self.place = place


class EvaluationFault(CitewiseError):
    """A file of questions, or of a kept evaluation, cannot be used; ``place`` is ``path`` or ``path:line``."""

    def __init__(self, place: str, message: str, hint: str = "") -> None:
        super().__init__(f"{place}: {message}", hint)
        self.place = place


class QuestionsFault(EvaluationFault):
    """A file, or a line of one, cannot be read as questions with their answers."""


class ReportFault(EvaluationFault):
    """A file is no evaluation that was kept with ``--json``."""


class ArticleMissing(CitewiseError):
    """No article of the index has this id."""


class ConversationMissing(CitewiseError):
    """This person has no conversation, or no answer, of this id."""


class ConversationsFault(CitewiseError):
    """The kept conversations cannot be read or written."""


class UploadRefused(CitewiseError):
    """A file that was dropped on the page is too large, one too many, or not of a kind that is read."""


class RemovalRefused(CitewiseError):
    """What would go was not meant to: over half of a collection, or other articles of a file that cannot be cut."""


class IndexFault(CitewiseError):
    """The root of what can be wrong with an index folder."""


class IndexMissing(IndexFault):
    """There is no index at this path."""


class IndexStale(IndexFault):
    """The index was made by another embedder, with other settings, or by a newer Citewise."""


class IndexLocked(IndexFault):
    """Another process is writing to the index."""


class IndexDamaged(IndexFault):
    """The index cannot be read, or contradicts itself."""


class ModelMissing(CitewiseError):
    """A model's files are missing, are not what their card says, or need a library that is not installed."""


class LanguageModelFault(CitewiseError):
    """A language model is unreachable, refuses the request, is too slow, or gives nothing that can be used."""


class ContextOverflow(LanguageModelFault):
    """The prompt is longer than the model can read."""
