"""What goes wrong with a case → a sentence for the person: what was tried, on what, why not, what to do."""


class CaseError(Exception):
    """The case cannot be opened, read or written; `str()` is a sentence that can be shown as it is."""


class CaseNotReady(CaseError):
    """The file is there, but its maker has not come to the tables yet, or was killed before."""


class CaseBusy(CaseError):
    """Another process holds the case for longer than we wait."""


class CaptureMoved(CaseError):
    """The capture that holds the bytes is gone or is not the one that was loaded."""


class Interrupted(Exception):
    """A query was stopped because its answer is no longer wanted."""


class FilterError(ValueError):
    """A filter cannot be understood.

    `column` is the 0-based place in the text, `hint` what was probably meant (may be empty).
    """

    def __init__(self, message: str, column: int, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.column = column
        self.hint = hint
