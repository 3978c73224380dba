"""Pages of which each section is written by a command of its own → one section put in, or looked up."""

NEXT = "\n## "


def section(page: str, heading: str) -> str:
    """The section of a page from its heading ("## …") to before the next one; empty where the page has none."""
    _, found, rest = f"\n{page}".partition(f"\n{heading}\n")
    return f"{heading}\n{rest.partition(NEXT)[0].rstrip()}\n" if found else ""


def onto(page: str, text: str) -> str:
    """The page with this section in place of its own of the same heading, else behind all; unchanged if it is empty."""
    heading = text.partition("\n")[0]
    if not heading:
        return page
    old = section(page, heading)
    return page.replace(old.rstrip(), text.rstrip()) if old else f"{page.rstrip()}\n\n{text.rstrip()}\n"
