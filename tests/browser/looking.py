"""What every page is looked at for: at each width nothing scrolls sideways, and in both themes there is no barrier.

A page is opened once, then made narrow and dark where it stands: to open it anew for each costs more than to look.
"""

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
WIDE, PHONE, NARROWEST = 1280, 390, 320
_HEIGHT = 844
# Only colours hang on the theme.
_RULES: dict[str, dict[str, Any]] = {
    "light": {"resultTypes": ["violations"]},
    "dark": {"resultTypes": ["violations"], "runOnly": ["color-contrast", "link-in-text-block"]},
}


def tab_options() -> dict[str, Any]:
    """How a tab is opened that is to be looked at: axe comes in beside the policy, and colours do not fade."""
    return {"width": WIDE, "height": _HEIGHT, "color_scheme": "light", "bypass_csp": True, "reduced_motion": "reduce"}


def look(page: Page, state: str) -> None:
    """Fail, naming the state, where the page scrolls sideways or has a barrier; it is wide and light again after."""
    page.add_script_tag(path=AXE)
    for width in (PHONE, WIDE):
        page.set_viewport_size({"width": width, "height": _HEIGHT})
        _fits(page, state, width)
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme)
            found = page.evaluate("rules => axe.run(document, rules)", _RULES[scheme])["violations"]
            told = [(v["id"], [n["html"][:150] for n in v["nodes"]][:3]) for v in found]
            assert told == [], f"{state}, {width} px, {scheme}: {told}"
        if width == PHONE:
            page.set_viewport_size({"width": NARROWEST, "height": _HEIGHT})
            _fits(page, state, NARROWEST)


def _fits(page: Page, state: str, width: int) -> None:
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width, f"{state} scrolls sideways at {width} px: it is {wide} px wide"
