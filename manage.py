#!/usr/bin/env python
"""Django's command line; `up` runs the whole product, other commands start servers they need."""

import os
import sys
from contextlib import nullcontext

NEED_NO_SERVERS = {
    "makemigrations",
    "check",
    "collectstatic",
    "makemessages",
    "compilemessages",
    "help",
    "--help",
    "--version",
}


def main() -> None:
    """Run the command of sys.argv."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    if command == "up":
        from stack.up import main as up

        sys.exit(up())
    if command in ("install-service", "remove-service"):
        from stack.systemd import main as systemd

        sys.exit(systemd(sys.argv[1:]))
    if command in NEED_NO_SERVERS:
        os.environ.setdefault("PARLEY_SERVERS", "none")
    from django.core.management import execute_from_command_line

    from config.environment import needs_servers
    from stack.command_servers import servers

    with servers() if needs_servers() else nullcontext():
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
