"""Every word that people read is where translators find it: read in the source, so that no branch of it is missed.

What pages really say in another language is tests/house/test_language.py.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.template.base import Lexer, TokenType

from tests.house.test_language import plain_words

HOUSE = ("accounts", "calls", "core", "invites", "messaging", "rooms", "waiting_areas")
TEMPLATES = sorted(path for path in (settings.BASE_DIR / "templates").rglob("*") if path.suffix in (".html", ".txt"))
SCRIPTS = sorted((settings.BASE_DIR / "static").rglob("*.js"))


NOT_SAID = ("blocktranslate", "comment")  # translated, or read by nobody


def of_house(path: Path) -> str:
    return str(path.relative_to(settings.BASE_DIR))


# Templates


def untranslated(template: str) -> str:
    """What is left of it without what is put in and what is translated: `…` stands where something was."""
    left: list[str] = []
    within = ""
    for token in Lexer(template).tokenize():
        word = token.contents.split(maxsplit=1)[0] if token.contents.strip() else ""
        if token.token_type is TokenType.BLOCK and (word in NOT_SAID or token.contents == "block body_class"):
            within = word
        elif token.token_type is TokenType.BLOCK and word == f"end{within}":
            within = ""
        elif token.token_type is TokenType.TEXT and not within:
            left.append(token.contents)
        elif token.token_type is TokenType.VAR:
            left.append("p" if "".join(left[-1:]).endswith(("<", "</")) else "…")  # <{{ heading }}>
    return "".join(left)


def test_a_word_beside_the_translation_is_noticed() -> None:
    template = '{# Note #}<b title="Sit">{% translate "Leave" %} now</b>'
    template += "{% blocktranslate %}Go {{ there }}{% endblocktranslate %}"
    assert plain_words(untranslated(template)) == {"Sit", "now"}


@pytest.mark.parametrize("path", TEMPLATES, ids=of_house)
def test_every_word_of_a_template_is_translated(path: Path) -> None:
    assert plain_words(untranslated(path.read_text(encoding="utf-8"))) == set()


# Scripts: their words are in the templates (static/calls/phrases.js), so a sentence in a script is one left out

_TOKEN = re.compile(r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`""", re.DOTALL)
# Said to people: what a text, a name or a banner is made of.
_SAID = re.compile(
    r"""(?:\.(?:textContent|innerText|innerHTML|title|placeholder|ariaLabel|ariaDescription|alt|label)\s*(?:=|\+=)\s*
    |\b(?:showToast|readAloud|alert|confirm|prompt|Option|Notification|createTextNode)\(\s*
    |setAttribute\(\s*"(?:aria-label|aria-description|aria-valuetext|title|placeholder|alt|label)",\s*
    |\b(?:label|text|title)\s*:\s*)\Z""",
    re.VERBOSE,
)
_FOR_PROGRAMMERS = re.compile(r"(?:Error|super|#fail)\([^;{}]*\Z|\.rel = \Z")
_WORD = re.compile(r"[A-Za-z]{2,}")
# Words in a row: a sentence, wherever it goes. A selector has other signs in it.
_SENTENCE = re.compile(r"[A-Z][a-z’']*(?: [A-Za-z’']+)+|[A-Za-z’']+(?: [A-Za-z’']+){2,}")


def spoken(script: str) -> Iterator[str]:
    """The literals of a script that people would read."""
    for token in _TOKEN.finditer(script):
        literal, before = token.group(), script[max(0, token.start() - 120) : token.start()]
        words = re.sub(r"\$\{[^}]*\}", "…", literal[1:-1])
        if literal.startswith("/") or _FOR_PROGRAMMERS.search(before):
            continue
        if _WORD.search(words) and (_SAID.search(before) or _SENTENCE.search(words)):
            yield literal


@pytest.mark.parametrize(
    "line",
    [
        'label.textContent = "Mute";',
        "button.title = `Remove ${name}`;",
        'button.setAttribute("aria-label", "Close");',
        'showToast("Copied");',
        'tell({ text: "Gone" });',
        'const sentence = "Your camera is off";',
        "new Option('Camera', id);",
        "line.textContent += ` ${count} min`;",
    ],
)
def test_a_word_in_a_script_is_noticed(line: str) -> None:
    assert list(spoken(line))


@pytest.mark.parametrize(
    "line",
    [
        'label.textContent = phrase("mute");',
        'throw new Error("No phrase is called so");',
        '// label.textContent = "Mute";',
        'target.closest("input, textarea, select")',
        'line.textContent = "";',
        'document.querySelector("dialog [data-closes]")',
    ],
)
def test_what_nobody_reads_is_not(line: str) -> None:
    assert not list(spoken(line))


@pytest.mark.parametrize("path", SCRIPTS, ids=of_house)
def test_every_word_of_a_script_is_a_phrase_of_the_page(path: Path) -> None:
    assert list(spoken(path.read_text(encoding="utf-8"))) == []


# Python

_GETTEXT = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy", "pgettext", "pgettext_lazy"}
# What is said to people by them, in which argument.
_TOLD = {
    "DomainError": 1, "NotAllowed": 1, "Conflict": 1, "DeliveryError": 0, "ValidationError": 0, "add_error": 1,
}  # fmt: skip
_LABELS = {"label", "help_text", "verbose_name", "empty_label", "error_message", "placeholder", "short_description"}
# A stored sentence of messaging.delivery.reasons, all of which are marked there.
_STORED = {"messaging/models.py: gettext(self.failure)"}


def python_files() -> Iterator[tuple[str, ast.Module]]:
    for app in HOUSE:
        for path in sorted((settings.BASE_DIR / app).rglob("*.py")):
            if not {"migrations", "management", "relay"} & set(path.parts):
                yield of_house(path), ast.parse(path.read_text(encoding="utf-8"))


def calls_in(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield getattr(node.func, "id", None) or getattr(node.func, "attr", ""), node


def is_plain(node: ast.expr) -> bool:
    """A word as it stands, or one that something is put into."""
    if isinstance(node, ast.JoinedStr):
        return any(is_plain(part) for part in node.values)
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(_WORD.search(node.value))


def test_every_message_is_written_where_it_is_translated() -> None:
    """`gettext(words)` gives translators nothing to translate: makemessages reads literals alone."""
    hidden = {
        f"{path}: {ast.unparse(call)}"
        for path, tree in python_files()
        for name, call in calls_in(tree)
        if name in _GETTEXT and not (call.args and isinstance(call.args[0], ast.Constant))
    }
    assert hidden == _STORED


def test_every_sentence_of_a_service_or_form_is_translated() -> None:
    plain = [
        f"{path}:{call.lineno}: {ast.unparse(call)}"
        for path, tree in python_files()
        if not path.endswith(("admin.py", "checks.py"))
        for name, call in calls_in(tree)
        if (name in _TOLD and len(call.args) > _TOLD[name] and is_plain(call.args[_TOLD[name]]))
        or any(keyword.arg in _LABELS and is_plain(keyword.value) for keyword in call.keywords)
    ]
    assert plain == []
