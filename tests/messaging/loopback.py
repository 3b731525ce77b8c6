"""Providers as they document themselves, on this machine's own address. They check what they are sent."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from django.utils import timezone


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode(), keep_blank_values=True).items()}

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Answer:
    status: int
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    after: float = 0.0  # seconds


class Provider(ABC):
    """`faults` are answered first, one a request: an Answer instead of its own, or a function of its own answer.

    A function is given what the provider really did: it was taken, whatever is then said.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.faults: list[Answer | Callable[[Answer], Answer]] = []
        self.lock = threading.Lock()
        self.address = ""

    @abstractmethod
    def answer(self, request: Request) -> Answer:
        """As the provider documents it."""

    def handle(self, request: Request) -> Answer:
        with self.lock:
            self.requests.append(request)
            fault = self.faults.pop(0) if self.faults else None
            if isinstance(fault, Answer):
                return fault
            answer = self.answer(request)
        return fault(answer) if fault else answer


@contextmanager
def serving(provider: Provider) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            answer = provider.handle(Request(self.command, url.path, query, dict(self.headers.items()), body))
            time.sleep(answer.after)
            try:
                self.send_response(answer.status)
                for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body.encode())))
                self.end_headers()
                self.wfile.write(answer.body.encode())
            except OSError:
                pass  # whoever asked has gone

        do_GET = do_POST  # noqa: N815 - http.server's name

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    provider.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


class Twilio(Provider):
    """https://www.twilio.com/docs/messaging/api/message-resource"""

    ACCOUNT = "AC" + "0" * 32
    TOKEN = "an-auth-token-of-twilio"

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[dict[str, Any]] = []

    def answer(self, request: Request) -> Answer:
        credentials = base64.b64encode(f"{self.ACCOUNT}:{self.TOKEN}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {credentials}":
            return self.refuse(401, 20003, "Authenticate")
        if request.path != f"/2010-04-01/Accounts/{self.ACCOUNT}/Messages.json":
            return self.refuse(404, 20404, "The requested resource was not found")
        if request.method == "GET":
            found = [m for m in reversed(self.messages) if m["to"] == request.query.get("To", m["to"])]
            size, number = int(request.query.get("PageSize", 50)), int(request.query.get("Page", 0))
            query = urlencode(request.query | {"Page": number + 1})
            more = f"{request.path}?{query}" if len(found) > size * (number + 1) else None
            page = {"messages": found[size * number :][:size], "next_page_uri": more, "page": number, "page_size": size}
            return Answer(200, json.dumps(page))
        form = request.form
        if not form.get("To") or not form.get("Body") or not (form.get("From") or form.get("MessagingServiceSid")):
            return self.refuse(400, 21604, "A required parameter is missing")
        message = {
            "sid": "SM" + uuid.uuid4().hex,
            "to": form["To"],
            "from": form.get("From"),
            "body": form["Body"],
            "status": "queued",
            "error_code": None,
            "date_created": format_datetime(timezone.now()),
        }
        self.messages.append(message)
        return Answer(201, json.dumps(message))

    @staticmethod
    def refuse(status: int, code: int, message: str = "No", **headers: str) -> Answer:
        words = {"code": code, "message": message, "status": status, "more_info": ""}
        return Answer(status, json.dumps(words), headers)

    @classmethod
    def sign(cls, url: str, form: dict[str, str]) -> str:
        """https://www.twilio.com/docs/usage/webhooks/webhooks-security: the URL, then each field in order of name."""
        text = url + "".join(name + form[name] for name in sorted(form))
        return base64.b64encode(hmac.digest(cls.TOKEN.encode(), text.encode(), hashlib.sha1)).decode()


class MailerSend(Provider):
    """https://developers.mailersend.com/api/v1/email.html"""

    TOKEN = "mlsn.a-token-of-mailersend"
    SIGNING_SECRET = "a-signing-secret-of-mailersend"

    def __init__(self) -> None:
        super().__init__()
        self.emails: list[dict[str, Any]] = []

    def answer(self, request: Request) -> Answer:
        if request.headers.get("Authorization") != f"Bearer {self.TOKEN}":
            return Answer(401, '{"message": "Unauthenticated."}')
        if (request.method, request.path) != ("POST", "/v1/email"):
            return Answer(404, '{"message": "Not found."}')
        email = request.json
        if not (email.get("from", {}).get("email") and email.get("to") and email.get("subject") and email.get("text")):
            return Answer(422, '{"message": "The given data was invalid.", "errors": {}}')
        message_id = uuid.uuid4().hex[:24]
        self.emails.append(email | {"id": message_id})
        return Answer(202, "", {"X-Message-Id": message_id, "Content-Type": "text/html; charset=utf-8"})

    @classmethod
    def event(cls, kind: str, message_id: str, **morph: str) -> bytes:
        """https://developers.mailersend.com/api/v1/webhooks.html"""
        email = {
            "object": "email",
            "message": {"object": "message", "id": message_id},
            "recipient": {"object": "recipient", "email": "grace@example.org"},
        }
        data = {"object": "activity", "id": "1", "type": kind, "created_at": "2026-03-02T12:00:00.000000Z"}
        return json.dumps(
            {"type": f"activity.{kind}", "data": data | {"email": email, "morph": morph or None}}
        ).encode()

    @classmethod
    def sign(cls, body: bytes) -> str:
        return hmac.new(cls.SIGNING_SECRET.encode(), body, hashlib.sha256).hexdigest()
