"""The one kind of error of this room: what failed, and the command that would help.

Neighbours raise it; `__main__.py` and the command line print it without a traceback.
"""


class StackError(Exception):
    """Something about the local servers that its reader can mend.

    Attributes:
        remedy: One line for the reader: the exact command, or the setting, that helps.
    """

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(f"{message}\n  What would help: {remedy}")
        self.remedy = remedy


class InUseError(StackError):
    """Another living process holds the folder or the port."""
