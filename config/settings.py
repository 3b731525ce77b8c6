"""Settings, all from the environment (or `.env`): see `.env.example` for every name with its default.

Development is `DEBUG=1` (`make run`). Without it the start is refused unless the secrets are set:
see core.checks.
"""

from __future__ import annotations

import os
import secrets
import socket
from pathlib import Path

import environ
from csp.constants import NONE, SELF
from django.utils.translation import to_language

from core.worker_policy import police_workers

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
env.read_env(BASE_DIR / ".env")

DEBUG = env.bool("DEBUG", default=False)
DATA_DIR = Path(env("DATA_DIR", default=str(BASE_DIR / "data")))


def _development_secret() -> str:
    """A secret of this checkout's own, so that sessions and links survive a restart of `make run`."""
    path = DATA_DIR / "development-secret"
    if not path.exists():
        DATA_DIR.mkdir(parents=True, exist_ok=True)
        path.write_text(secrets.token_urlsafe(50))
    return path.read_text()


def _own_address() -> str:
    """This host's address on its network: where a phone beside it finds a link. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # RFC 5737: nobody's
        except OSError:
            return "localhost"
        return str(probe.getsockname()[0])


def _development_url() -> str:
    return f"https://{_own_address()}:{PORT}" if HTTPS else f"http://localhost:{PORT}"


SECRET_KEY = env("SECRET_KEY", default="") or (_development_secret() if DEBUG else "")
# Links are derived from a key of their own, so that the session secret can be changed without killing every link.
LINK_KEY = env("LINK_KEY", default="") or SECRET_KEY

PORT = env.int("PORT", default=8000)
HTTPS = env.bool("HTTPS", default=False)  # a self-signed certificate, for a phone on the same network
PUBLIC_URL = env("PUBLIC_URL", default=_development_url() if DEBUG else "").rstrip("/")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["*"] if DEBUG else [])
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if PUBLIC_URL.startswith("https://") else []

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.sites",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "anymail",
    "channels",
    "crispy_forms",
    "crispy_bootstrap5",
    "csp",
    "django_htmx",
    "core",
    "accounts",
    "messaging",
    "calls",
    "invites",
    "rooms",
    "waiting_areas",
    "config",  # the demo world: management commands only
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",  # after the files: a policy with each of them is a tenth of a call page's weight
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "core.middleware.parts_have_no_address",
    "core.middleware.show_wrong_method",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
SITE_ID = 1

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.debug",
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.context_processors.organisation",
            ],
        },
    },
]

# --- State -----------------------------------------------------------------------------------------------------

DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'anteroom.sqlite3'}")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATA_DIR.mkdir(parents=True, exist_ok=True)
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 5,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env("REDIS_URL", default="")
# Longer than the 5 s channels-redis waits in one command: redis-py 8 itself gives up after 5 s, and idle sockets break.
REDIS_SOCKET_TIMEOUT = 15.0
if REDIS_URL:
    CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "core.channel_layer.SharedRedisChannelLayer",
            "CONFIG": {
                "hosts": [{"address": REDIS_URL, "socket_timeout": REDIS_SOCKET_TIMEOUT}],
                # The default of 100 counts per process for direct sends: 300 of 400 were lost when tried.
                "channel_capacity": {"specific.*": 10_000, "relay.*": 10_000},
            },
        }
    }
else:
    CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer", "CONFIG": {"capacity": 10_000}}}

# Limits hold without Redis (hazard H10). The default of 300 entries would let a stranger who asks for 300 other
# accounts push out what counts the guesses at one.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

# --- The relay --------------------------------------------------------------------------------------------------

RELAY_PORT = env.int("RELAY_PORT", default=7000)  # UDP, and ICE-TCP for networks that block it
RELAY_ADDRESSES = env("RELAY_ADDRESSES", default="")  # "public=local:port,…"; empty: this host's own addresses
RELAY_TCP_ADDRESSES = env("RELAY_TCP_ADDRESSES", default="")  # further ones for ICE-TCP alone, usually on port 443
# coturn's REST scheme (deploy/turnserver.conf): "turns:turn.example.org:443?transport=tcp,…" and its static-auth-secret
TURN_URLS = env.list("TURN_URLS", default=[])
TURN_SECRET = env("TURN_SECRET", default="")
CALL_CAPACITY = env.int("CALL_CAPACITY", default=4)  # rule C1
CALL_MEMBER_WAIT = env.float("CALL_MEMBER_WAIT", default=600.0)  # seconds, rule C3
CALL_EMPTY_AFTER = env.float("CALL_EMPTY_AFTER", default=60.0)  # seconds, rule C9

# --- Accounts ---------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "core:show_main"
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"  # accounts are made by administrators; nobody signs up (hazard H2)
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_FORMS = {"login": "accounts.forms.LoginForm"}
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_PREVENT_ENUMERATION = True
# Per account, not per address: a whole hospital is one address.
ACCOUNT_RATE_LIMITS = {
    "login": "600/m/ip",
    "login_failed": "10/5m/key",
    "request_login_code": "600/m/ip,3/m/key",
    "reset_password": "600/m/ip,5/m/key",
    "reset_password_from_key": "600/m/ip",
}
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=0)
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_FORMS = {"add_webauthn": "accounts.forms.AddKeyForm"}

# --- Messages out -----------------------------------------------------------------------------------------------

DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL", default="Anteroom <anteroom@localhost>")
# Django's own mail (codes to sign in) goes into the outbox too; its worker sends by EMAIL_DELIVERY_BACKEND: SMTP by a
# URL, or any backend of django-anymail, whose settings are the variables that start with ANYMAIL_.
EMAIL_BACKEND = "messaging.mail.OutboxBackend"
EMAIL_DELIVERY_BACKEND = env("EMAIL_DELIVERY_BACKEND", default="")
EMAIL_TIMEOUT = 10  # seconds
if env("EMAIL_URL", default=""):
    _smtp = env.email("EMAIL_URL")
    EMAIL_DELIVERY_BACKEND = _smtp.pop("EMAIL_BACKEND")
    vars().update(_smtp)
ANYMAIL = {"REQUESTS_TIMEOUT": 10} | {
    name.removeprefix("ANYMAIL_"): value for name, value in os.environ.items() if name.startswith("ANYMAIL_")
}
TWILIO_ACCOUNT_SID = env("TWILIO_ACCOUNT_SID", default="")
TWILIO_AUTH_TOKEN = env("TWILIO_AUTH_TOKEN", default="")
TWILIO_FROM = env("TWILIO_FROM", default="")  # a number, or a name of up to 11 letters
TWILIO_MESSAGING_SERVICE_SID = env("TWILIO_MESSAGING_SERVICE_SID", default="")
TWILIO_BASE_URL = env("TWILIO_BASE_URL", default="")  # for tests; empty: Twilio's own
# Without a provider messages stay in the database, for /dev/messages/. In production they fail instead: nobody looks.
MESSAGES_KEPT = DEBUG
MESSAGE_BODY_DAYS = env.int("MESSAGE_BODY_DAYS", default=7)  # what was said goes then at the latest
MESSAGE_DAYS = env.int("MESSAGE_DAYS", default=90)  # to whom and what became of it, too
# What people may send (hazard H10): a bucket so large, filled evenly over the time.
MESSAGES_A_MEMBER_AN_HOUR = env.int("MESSAGES_A_MEMBER_AN_HOUR", default=60)
MESSAGES_A_RECIPIENT_AN_HOUR = env.int("MESSAGES_A_RECIPIENT_AN_HOUR", default=6)
MESSAGES_AN_ORGANISATION_A_DAY = env.int("MESSAGES_AN_ORGANISATION_A_DAY", default=1000)

INVITE_DAYS = env.int("INVITE_DAYS", default=7)  # how long an invitation works that is made before a call
INVITES_KEPT_DAYS = env.int("INVITES_KEPT_DAYS", default=30)  # after the link stopped working, who was invited goes

# --- Pages ------------------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en-gb"
# What is written: a page is never half in another language. Another is there as soon as its catalogue is, as
# <LOCALE_PATH>/cy/LC_MESSAGES/django.mo: the words of the scripts are in it, too (static/calls/phrases.js).
LOCALE_PATHS = [Path(env("LOCALE_PATH", default=str(BASE_DIR / "locale")))]
LANGUAGES = [
    ("en-gb", "English"),
    *((to_language(catalogue.parts[-3]),) * 2 for catalogue in sorted(LOCALE_PATHS[0].glob("*/LC_MESSAGES/django.mo"))),
]
TIME_ZONE = env("TIME_ZONE", default="Europe/London")
USE_TZ = True
USE_I18N = True

STATIC_URL = "static/"
STATIC_ROOT = env("STATIC_ROOT", default=str(BASE_DIR / "staticfiles"))
STATICFILES_DIRS = [
    BASE_DIR / "static",
    ("bootstrap", BASE_DIR / "node_modules/bootstrap/dist"),
    ("mediapipe", BASE_DIR / "node_modules/@mediapipe/selfie_segmentation"),
]
BOOTSTRAP_ICONS_DIR = BASE_DIR / "node_modules/bootstrap-icons/icons"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage" if DEBUG else "core.storage.HashedStorage"
    },
}
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_ALLOW_ALL_ORIGINS = False
WHITENOISE_ADD_HEADERS_FUNCTION = police_workers
WHITENOISE_AUTOREFRESH = DEBUG
# Seconds. Hashed names are kept for ever; under DEBUG this lets a call use what its entrance fetched ahead of it.
WHITENOISE_MAX_AGE = 10 if DEBUG else 60
CRISPY_ALLOWED_TEMPLATE_PACKS = "bootstrap5"
CRISPY_TEMPLATE_PACK = "bootstrap5"

# --- Trust ------------------------------------------------------------------------------------------------------

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, "'wasm-unsafe-eval'"],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "media-src": [SELF, "blob:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
_secure = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _secure or not DEBUG
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=not DEBUG)
SECURE_HSTS_SECONDS = 0 if DEBUG else env.int("SECURE_HSTS_SECONDS", default=31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not DEBUG
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if ALLAUTH_TRUSTED_PROXY_COUNT else None
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$"]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"without_keys": {"()": "core.logs.WithoutKeys"}},
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain", "filters": ["without_keys"]}},
    "root": {"handlers": ["console"], "level": env("LOG_LEVEL", default="INFO")},
    "loggers": {
        "django": {"handlers": []},  # its own handler would say it twice, keys and all
        "aiortc": {"level": "WARNING"},
        "aioice": {"level": "WARNING"},
        "urllib3": {"level": "WARNING"},  # it writes whole addresses, with whom a text went to
        # A bad Host or Origin is counted by Django; its text would carry what a stranger typed.
        "django.security.DisallowedHost": {"handlers": [], "propagate": False},
    },
}
