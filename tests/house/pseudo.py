"""A language that nobody speaks, to see what is left out of a translation: every word English, accented and longer.

"Leave {name}" becomes "Ļéåṽé {name} łöñĝ": what is shown in plain letters was never translated, what is cut off does
not bear a longer word, and placeholders and markup are as they were. The catalogue is made as translators get theirs,
by `makemessages`, so what is in none of its messages stays English here as it would in Welsh.
"""

from __future__ import annotations

import gettext
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import django
from django.apps import apps
from django.conf import settings

LANGUAGE = "en-xa"  # the pseudo-locale of Android and Chromium: English, accented
LOCALE = "en_XA"
HOUSE = ("accounts", "calls", "config", "core", "invites", "messaging", "rooms", "templates", "waiting_areas")
TOOLS = ("xgettext", "msguniq", "msgmerge", "msgattrib", "msgen", "msgfmt")

_PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ACCENTED = str.maketrans(_PLAIN, "ÅƁÇÐÉƑĜĤÎĴĶĻṀÑÖÞǪŔŠŢÛṼŴẊÝŽåƀçðéƒĝĥîĵķļḿñöþǫŕšţûṽŵẋýž")
# What is put in, and what is no word: %(name)s, %s, %%, {name}, <strong>, &amp;.
_KEPT = re.compile(r"(%\(\w+\)[sd]|%[sd%]|\{\w*\}|<[^>]+>|&\w+;)")
_PLURALS = "nplurals=2; plural=(n != 1);"
_FILLING = " łöñĝ" * 200
_COMPLETE = "locale/de/LC_MESSAGES/django.mo"  # of what others have written: a language that has all of their messages


def missing_tools() -> list[str]:
    """Of GNU gettext, which translators' catalogues are made with (tests/ensure-gettext.sh)."""
    return [tool for tool in TOOLS if shutil.which(tool) is None]


def pseudo(text: str) -> str:
    """Half as long again, in letters that no English word has; lines, placeholders and markup stay."""
    body = text.strip()
    if not body:
        return text
    parts = _KEPT.split(body)
    words = "".join(part if _KEPT.fullmatch(part) else part.translate(_ACCENTED) for part in parts)
    return text.replace(body, words + _FILLING[: max(2, len(body) // 2)].rstrip(), 1)


def read_messages(folder: Path) -> list[str | tuple[str, str]]:
    """What `makemessages` finds in the house: a message, or one and its plural. `folder` is scratch space."""
    tree = folder / "house"
    for app in HOUSE:
        shutil.copytree(settings.BASE_DIR / app, tree / app, ignore=shutil.ignore_patterns("__pycache__", "migrations"))
    (tree / "locale").mkdir()
    command = [sys.executable, "-m", "django", "makemessages", "--locale", LOCALE, "--no-location", "--verbosity", "0"]
    around = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    subprocess.run(command, cwd=tree, env=around, check=True, capture_output=True)
    written = tree / "locale" / LOCALE / "LC_MESSAGES" / "django.po"
    form = written.read_text(encoding="utf-8").replace("nplurals=INTEGER; plural=EXPRESSION;", _PLURALS)
    written.write_text(form, encoding="utf-8")
    english, compiled = folder / "english.po", folder / "english.mo"
    subprocess.run(["msgen", "-o", english, written], check=True, capture_output=True)
    subprocess.run(["msgfmt", "-o", compiled, english], check=True, capture_output=True)
    return _messages_in(compiled)


def make_catalogue(folder: Path) -> Path:
    """A folder for LOCALE_PATHS in which LANGUAGE is complete."""
    messages = dict.fromkeys(read_messages(folder))
    others = [Path(django.__file__).parent / "conf", *(Path(app.path) for app in apps.get_app_configs())]
    for compiled in (folder / _COMPLETE for folder in others):
        if compiled.exists():
            messages |= dict.fromkeys(_messages_in(compiled))
    written = folder / "pseudo.po"
    header = f'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\nPlural-Forms: {_PLURALS}\\n"\n'
    written.write_text(header + "".join(_entry(message) for message in messages), encoding="utf-8")
    catalogue = folder / "locale" / LOCALE / "LC_MESSAGES" / "django.mo"
    catalogue.parent.mkdir(parents=True)
    subprocess.run(["msgfmt", "-o", catalogue, written], check=True, capture_output=True)
    return folder / "locale"


def _messages_in(compiled: Path) -> list[str | tuple[str, str]]:
    """As (context and) message, or with its plural."""
    with compiled.open("rb") as file:
        catalogue: dict[str | tuple[str, int], str] = vars(gettext.GNUTranslations(file))["_catalog"]
    # Of a plural the compiled file keeps the first form only as a key; the second is its own translation in English.
    plurals = {key[0]: text for key, text in catalogue.items() if isinstance(key, tuple) and key[1] == 1}
    single = [key for key in catalogue if isinstance(key, str) and key]
    return single + list(plurals.items())


def _entry(message: str | tuple[str, str]) -> str:
    one, many = (message, "") if isinstance(message, str) else message
    context, _separator, one = one.rpartition("\x04")
    lines = [f"msgctxt {_quoted(context)}"] if context else []
    lines.append(f"msgid {_quoted(one)}")
    if many:
        lines += [
            f"msgid_plural {_quoted(many)}",
            f"msgstr[0] {_quoted(pseudo(one))}",
            f"msgstr[1] {_quoted(pseudo(many))}",
        ]
    else:
        lines.append(f"msgstr {_quoted(pseudo(one))}")
    return "\n" + "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    escaped = (
        text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
    )
    return f'"{escaped}"'
