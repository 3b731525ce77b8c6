from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Every file under the hash of its content, compressed once, and each ES module's imports rewritten to match."""

    support_js_module_import_aggregation = True
