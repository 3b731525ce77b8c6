"""Emails that Django's file backend kept, read back for /dev/messages/."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path

_RULE = b"\n" + b"-" * 79 + b"\n"  # what the backend writes after each message


@dataclass(frozen=True, slots=True)
class KeptMessage:
    sent_at: datetime
    to: str
    subject: str
    text: str


def read_kept_messages(folder: Path, *, most: int = 100) -> list[KeptMessage]:
    """The newest `most` messages, newest first. An empty list for a folder that is not there yet."""
    newest = sorted(folder.glob("*.log"), key=lambda file: file.stat().st_mtime, reverse=True)[:most]
    found = [message for file in newest for message in _read(file)]
    return sorted(found, key=lambda message: message.sent_at, reverse=True)[:most]


def _read(file: Path) -> Iterator[KeptMessage]:
    for raw in file.read_bytes().split(_RULE):
        if not raw.strip():
            continue
        message = message_from_bytes(raw, _class=EmailMessage, policy=policy.default)
        body = message.get_body(preferencelist=("plain", "html"))
        yield KeptMessage(
            sent_at=parsedate_to_datetime(message["Date"]) if message["Date"] else datetime.fromtimestamp(0, UTC),
            to=str(message["To"] or ""),
            subject=str(message["Subject"] or ""),
            text=body.get_content() if body else "",
        )
