"""A page as one who has no mouse meets it, and one who has a narrow window."""

from __future__ import annotations

from playwright.sync_api import Page

# The elements that the keyboard must reach: in the order of the page, as far as it is shown.
_CONTROLS = """
() => [...document.querySelectorAll(
  "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]"
)].filter(it => it.tabIndex >= 0 && !it.disabled && it.checkVisibility()).filter(
  // Of a group of radio buttons the keyboard stops at one.
  it => it.type !== "radio" || it === (
    it.form?.querySelector(`[name="${it.name}"]:checked`) ?? it.form?.elements[it.name][0] ?? it
  )
)
"""
_NUMBER = f"() => ({_CONTROLS})().indexOf(document.activeElement)"
_NAMES = f"""
() => ({_CONTROLS})().map(it => (it.tagName + " " + (it.ariaLabel || it.name || it.textContent))
  .replace(/\\s+/g, " ").trim().slice(0, 60))
"""
_IS_RINGED = """
() => {
  const style = getComputedStyle(document.activeElement);
  return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
}
"""
# A field for a date has a stop for each part of it, and one for its button.
_PARTS = 3
_IS_WITHIN_A_DATE = f"""
before => document.activeElement.type === "date" && ({_NUMBER})() === before
"""
_SIDEWAYS = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


def tab_faults(page: Page) -> list[str]:
    """The faults in the way of the Tab key through *page*, from its start to its end."""
    names = page.evaluate(_NAMES)
    faults: list[str] = []
    page.evaluate("() => { document.activeElement?.blur(); getSelection()?.removeAllRanges(); }")
    for expected, name in enumerate(names):
        page.keyboard.press("Tab")
        for _ in range(_PARTS):
            if not page.evaluate(_IS_WITHIN_A_DATE, expected - 1):
                break
            page.keyboard.press("Tab")
        at = page.evaluate(_NUMBER)
        if at != expected:
            reached = names[at] if at >= 0 else "nothing"
            return [*faults, f"Tab reaches {reached} where {name} is next"]
        if not page.evaluate(_IS_RINGED):
            faults.append(f"no ring around {name}")
    return faults


def sideways(page: Page) -> int:
    """By how many pixels *page* is wider than its window (WCAG 1.4.10)."""
    return int(page.evaluate(_SIDEWAYS))
