"""What a kernel refuses: arguments of a shape, type or place it was not written for."""

from __future__ import annotations


class KernelError(ValueError):
    """A call that a kernel cannot serve.

    message   what is wrong, one sentence, values quoted
    help      what to do about it
    """

    def __init__(self, message: str, *, help: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.help = help

    def __str__(self) -> str:
        return f"{self.message}\n  help: {self.help}" if self.help else self.message
