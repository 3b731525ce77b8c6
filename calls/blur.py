"""Where a member's page finds what blurs its background (rule C2). A guest's page is told none of it."""

from __future__ import annotations

from django.templatetags.static import static

SLOWEST_FRAME = 80  # ms: a device whose median frame takes longer cannot blur beside a call

# What @mediapipe/selfie_segmentation asks for by name. Of the two kinds of WebAssembly a browser takes one.
PACKAGE = (
    "selfie_segmentation.js",
    "selfie_segmentation.binarypb",
    "selfie_segmentation.tflite",
    "selfie_segmentation_landscape.tflite",
    "selfie_segmentation_solution_simd_wasm_bin.js",
    "selfie_segmentation_solution_simd_wasm_bin.wasm",
    "selfie_segmentation_solution_wasm_bin.js",
    "selfie_segmentation_solution_wasm_bin.wasm",
)


def describe_blur() -> dict[str, object]:
    """For the page's scripts (static/calls/blur-control.js). Nothing here is fetched before blur is asked for."""
    return {
        "control": static("calls/blur-control.js"),
        "module": static("calls/blur.js"),
        "worker": static("calls/blur-worker.js"),
        "files": {name: static(f"mediapipe/{name}") for name in PACKAGE},
        "slowestFrame": SLOWEST_FRAME,
    }
