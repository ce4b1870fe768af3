"""Write the secrets of compose.yaml into `deploy/secrets/`, one file each; existing ones stay.

Needs nothing but Python: `python3 deploy/make_secrets.py`.
"""

import base64
import os
import secrets
from pathlib import Path

FOLDER = Path(__file__).parent / "secrets"
PASSWORDS = ("postgres", "app", "worker", "owner", "valkey", "storage")


def main() -> None:
    """Create every file that is missing, readable by its owner only."""
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    password = {name: _kept(f"password_{name}", secrets.token_hex(24)) for name in PASSWORDS}
    for login in ("app", "worker", "owner"):
        address = f"postgresql://parley_{login}:{password[login]}@postgres:5432/parley"
        variable = "database_url" if login == "app" else f"database_{login}_url"
        _kept(variable, address)
    _kept("redis_url", f"redis://:{password['valkey']}@valkey:6379/0")
    _kept("valkey.conf", f"requirepass {password['valkey']}\nappendonly yes\n")
    _kept("secret_key", secrets.token_hex(32))
    # A Fernet key: 32 random bytes in URL-safe base64.
    _kept("parley_encryption_keys", base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())
    for name in ("parley_app_secret", "parley_verify_token", "metrics_token"):
        _kept(name, secrets.token_hex(24))
    _kept("aws_access_key_id", "parley")
    _kept("aws_secret_access_key", password["storage"])
    print(f"Secrets are in {FOLDER}. Keep a copy elsewhere: without them backups cannot be read.")


def _kept(name: str, value: str) -> str:
    path = FOLDER / name
    if not path.exists():
        # Processes of the containers have another user: the folder is what keeps others out.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(value)
    return path.read_text(encoding="utf-8")


if __name__ == "__main__":
    main()
