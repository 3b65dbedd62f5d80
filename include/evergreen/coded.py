"""Sentences on pages: what stands between backticks is shown as code, everything is escaped.

coded("`evergreen ls` tells it")           # <code>evergreen ls</code> tells it
"""

import re

from markupsafe import Markup, escape

COMMAND = re.compile(r"`([^`\n]+)`")


def coded(sentence: str) -> Markup:
    """Return a sentence as HTML; a backtick without its other one stays as it is."""
    return Markup(COMMAND.sub(r"<code>\1</code>", str(escape(sentence))))  # noqa: S704 (escaped)


def uncoded(sentence: str) -> str:
    """Return it without backticks, for where no HTML can stand, as in a title."""
    return COMMAND.sub(r"\1", sentence)
