"""The text that `make run` prints when everything is healthy, and `demo.json` for scripts."""

import json
from typing import Any

from config.environment import Environment
from core.installation import read_json, write_private

ROLES = ("owner", "agent", "finance", "operator")


def welcome(env: Environment, pids: dict[str, int]) -> str:
    """Update `demo.json` with addresses and process ids; returns the text for the console."""
    path = env.var / "demo.json"
    known = read_json(path) | {"base_url": env.base_url, "live_url": env.live_url, "pids": pids}
    write_private(path, known)
    lines = [f"Parley is running at {env.base_url}", *_logins(known), *_first_call(known), ""]
    lines += [
        f"All of this is in {path}; logs are in {env.var / 'log'}.",
        "Ctrl-C stops everything; data is kept.",
    ]
    return "\n" + "\n".join(f"  {line}".rstrip() for line in lines) + "\n"


def _logins(known: dict[str, Any]) -> list[str]:
    logins = known.get("logins", {})
    if not logins:
        return []
    ordered = sorted(
        logins.items(), key=lambda item: ROLES.index(item[0]) if item[0] in ROLES else len(ROLES)
    )
    rows = [("log in as", "e-mail", "password", "at")]
    for role, login in ordered:
        page = "/admin/" if role == "operator" else "/"
        rows.append((role, login["email"], login["password"], known["base_url"] + page))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return [
        "",
        *(
            "  ".join(
                [*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]
            )
            for row in rows
        ),
    ]


def _first_call(known: dict[str, Any]) -> list[str]:
    if not known.get("api_key"):
        return []
    body = {
        "messaging_product": "whatsapp",
        "to": known["customer_wa_id"],
        "type": "text",
        "text": {"body": "Hello from Parley"},
    }
    return [
        "",
        f"API key    {known['api_key']}",
        "",
        "Send a message:",
        f"curl -X POST {known['base_url']}/v23.0/{known['phone_number_id']}/messages \\",
        f"  -H 'Authorization: Bearer {known['api_key']}' -H 'Content-Type: application/json' \\",
        f"  -d '{json.dumps(body)}'",
        f"See it arrive on the simulated phone: {known['base_url']}/phone/"
        " (log in as owner or agent).",
    ]
