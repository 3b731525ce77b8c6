"""What may run in a worker: the browser goes by the policy of the worker's own file, not by its page's.

Imported by the settings: nothing of Django at the top.
"""

from __future__ import annotations

import re
from wsgiref.headers import Headers

_WORKER = re.compile(r"-worker(\.[0-9a-f]+)?\.js$")


def police_workers(headers: Headers, path: str, url: str) -> None:
    """For WHITENOISE_ADD_HEADERS_FUNCTION: other files are no documents and need none."""
    if _WORKER.search(path):
        from csp.utils import build_policy

        headers["Content-Security-Policy"] = build_policy()
