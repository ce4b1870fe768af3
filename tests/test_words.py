"""No page, mail or list says what docs/glossary.md has another word for."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
APPS = ("accounts", "billing", "core", "hosting", "shops", "templates")
# Whole texts that pages had before the glossary; each stands there under its present name.
GONE = [
    "Looked after by",
    "Nobody yet",
    "Anybody",
    "Open again",
    "Put off until %(at)s",
    "Put off until",
    "Later, or a day",
    "Narrow the list",
    "Note among colleagues",
    "A note among colleagues",
    "Only colleagues see this",
    "left to reply freely",
    "Usual answer time",
    "Find",
    "You",
    "Programs",
    "For programs",
    "Networks",
    "Ask and connect",
    "Account there",
    "Keeping messages",
    "Kept",
    "Where you are logged in",
    "Language and look",
    "Hand over",
    "Changes count from the member's next request.",
    "Days it works",
    "Reaches",
    "Begins with",
    "Whose events",
    "Which events",
    "Keep a reply",
    "Hand in for review",
    "How it stands",
    "Made",
    "Wrong rows",
    "Came twice",
    "Left out",
    "Place on the ladder",
    "At a time",
    "Being sent",
    "Written as",
    "Only these",
    "Take messages with you: to read, to print, to keep, or for other programs.",
    "To be paid",
    "Paid and credited",
    "Page to pay it, for whoever pays",
    "Who is billed",
    "If the rest goes on like this",
    "What would it cost?",
    "By the card “%(card)s”, as it holds from %(from)s",
    "Pay back",
    "Between 1 and %(left)d can be paid back (in the smallest unit).",
    "%(left)d of %(line)s can be paid back.",
    "%(amount)s paid back",
    "Prices hold the tax already",
    "Open the page",
    "What you call them",
    "Line of business",
    "%(amount)s of your order %(order)s is on its way back to you.",
    "Forget all customers",
    "Forget them",
    "Forget this customer for ever",
    "Forget",
    "All messages and files of this customer are deleted for ever. Forget them?",
    "Who may write",
    "No marketing",
    "What was said",
    "What waits",
    "What it cost",
    "Dead letters",
    "Where it stands",
    "Elsewhere",
    "Found a business",
    "Mails of this installation",
    "Put goods back on the shelf",
    "Which events",
]
QUOTED = re.compile(r"""(?:translate|trans|_|_lazy|gettext|gettext_lazy)[ (](["'])(.*?)\1""")


def test_no_text_is_in_words_that_the_glossary_replaced() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match[2]}"
        for app in APPS
        for path in (ROOT / app).rglob("*")
        if path.suffix in (".py", ".html", ".txt") and "migrations" not in path.parts
        for match in QUOTED.finditer(path.read_text())
        if match[2] in GONE
    ]
    assert found == []
