from __future__ import annotations

import pytest
from django.template import Context, Template


def render(name: str) -> str:
    return Template('{% load icons %}{% icon "' + name + '" %}').render(Context())


def test_an_icon_is_decoration_that_takes_the_colour_of_its_words() -> None:
    svg = render("camera-video")
    assert svg.startswith("<svg ")
    assert 'aria-hidden="true"' in svg
    assert 'fill="currentColor"' in svg
    assert "<path " in svg


@pytest.mark.parametrize("name", ["no-such-icon", "../package", "Camera", ""])
def test_a_wrong_name_fails_at_once(name: str) -> None:
    with pytest.raises(LookupError):
        render(name)
