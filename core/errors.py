"""What a service says when it will not do something."""

from __future__ import annotations


class DomainError(Exception):
    """`code` is for programs, `message` for the person who asked: plain words, already translated."""

    status = 409

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class NotAllowed(DomainError):
    """Inside the scope, without the right (403)."""

    status = 403


class Conflict(DomainError):
    """Somebody was faster: a compare-and-swap found another state."""
