from __future__ import annotations

import re
from collections.abc import Callable

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Every file under the hash of its content, compressed once, and each ES module's imports rewritten to match."""

    support_js_module_import_aggregation = True

    # Plain scripts whose comments name types as import("../htmx"): a module by the look of it, and no such file.
    without_modules = ("django_htmx/",)

    def url_converter(
        self, name: str, hashed_files: dict[str, str], template: str | None = None
    ) -> Callable[[re.Match[str]], str]:
        if name.startswith(self.without_modules):
            return lambda reference: reference["matched"]
        convert: Callable[[re.Match[str]], str] = super().url_converter(name, hashed_files, template)
        return convert
