"""`python -m parley`: the commands that operators use, by plain names, with one page of help.

Each is a command of manage.py, which has the rest as well.
"""

import os
import sys
from dataclasses import dataclass

from manage import main as manage

USAGE = "Usage: python -m parley COMMAND [options]; python -m parley COMMAND --help says more."


@dataclass(frozen=True, slots=True)
class Command:
    """A command: what it does, and its name in manage.py where that differs."""

    about: str
    name: str = ""


COMMANDS = {
    "up": Command("start everything on this machine, with demo data; Ctrl-C stops it"),
    "serve": Command("start a server with TLS: serve DOMAIN [EMAIL for the certificate]", "up"),
    "operator": Command("make an operator, by a link that works once"),
    "doctor": Command("say what is wrong with this installation, and what mends it"),
    "migrate": Command("bring the database to this version"),
    "backup": Command("write database and files of one moment into an encrypted archive"),
    "restore": Command("restore an archive into an empty database"),
    "reconcile": Command("recount ledger, invoices and journal, and name what differs"),
    "close-period": Command("close a month and issue its invoices", "close_period"),
    "import-card": Command("read a rate card from files, show what changes", "import_card"),
    "export-card": Command("write a rate card to files", "export_card"),
    "load-tax-rules": Command(
        "insert this version's rules of tax that the database has not yet", "load_tax_rules"
    ),
    "load-exchange-rates": Command("read exchange rates from a file", "load_exchange_rates"),
    "reapply-erasures": Command(
        "repeat the erasures of a time before a restore", "reapply_erasures"
    ),
    "install-service": Command("let systemd keep Parley"),
    "remove-service": Command("take its units away"),
}


def usage() -> str:
    """The page of help."""
    width = max(map(len, COMMANDS))
    rows = [f"  {name:<{width}}  {command.about}" for name, command in COMMANDS.items()]
    return "\n".join([USAGE, "", *rows])


def main(arguments: list[str]) -> int:
    """Run a command by its arguments; returns the exit code."""
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(usage())
        return 0
    name, *rest = arguments
    command = COMMANDS.get(name)
    if command is None:
        print(f"parley: there is no command {name!r}.\n\n{usage()}", file=sys.stderr)
        return 2
    if name == "serve":
        if not rest or rest[0].startswith("-"):
            print(f"Usage: python -m parley serve DOMAIN [EMAIL]; {command.about}.")
            return 0 if rest else 2
        os.environ["DOMAIN"], os.environ["ACME_EMAIL"] = rest[0], "".join(rest[1:2])
        rest = []
    sys.argv = ["parley", command.name or name, *rest]
    manage()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
