"""`manage.py install-service` and `remove-service`: Parley kept by systemd.

Without servers in the environment one unit runs `up`, which supervises everything. With
DATABASE_URL and REDIS_URL each process is a unit of its own, and `parley.target` holds them
together.
"""

import argparse
import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

from config.environment import BASE_DIR
from config.variables import VARIABLES, given, text
from core.programs import caddy_binary
from stack import commands
from stack.lock import StackError

UNITS, SETTINGS = Path("etc/systemd/system"), Path("etc/parley/parley.env")
# What the web's processes must not have: the logins of workers and of migrations.
LOGINS = Path("etc/parley/workers.env")
ONLY_WORKERS = {
    name + end for name in ("DATABASE_WORKER_URL", "DATABASE_OWNER_URL") for end in ("", "_FILE")
}
WEB = ("parley-web", "parley-live", "parley-front")
SOCKETS = Path("/run/parley")
# The supervisor and the front listen below port 1024.
LISTENS_LOW = ("parley", "parley-front")
HARDENED = """\
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
UMask=0077
"""


def main(words: list[str]) -> int:
    """Run `install-service` or `remove-service`; returns the exit code."""
    arguments = _parse(words)
    try:
        if words[0] == "remove-service":
            _remove(arguments.root)
        elif arguments.print:
            for name, unit in units(arguments.user, arguments.var).items():
                sys.stdout.write(f"# {name}\n{unit}\n")
        else:
            _install(arguments)
    except (StackError, OSError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"parley: {error}\n")
        return 1
    return 0


def _parse(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"manage.py {words[0]}")
    parser.add_argument("--root", type=Path, default=Path("/"), help="install below this folder")
    if words[0] == "install-service":
        parser.add_argument("--user", default="parley", help="the user that runs it")
        parser.add_argument("--var", type=Path, default=Path("/var/lib/parley"), help="its data")
        parser.add_argument("--print", action="store_true", help="print the units, write nothing")
    return parser.parse_args(words[1:])


def units(user: str, var: Path) -> dict[str, str]:
    """The text of each unit by its file name."""
    if not (given("DATABASE_URL") and given("REDIS_URL")):
        up = [sys.executable, str(BASE_DIR / "manage.py"), "up"]
        return {"parley.service": _service("parley", "Parley", up, user, var, kill="mixed")}
    found = {
        f"parley-{name}.service": _service(f"parley-{name}", f"Parley: {about}", command, user, var)
        for name, (about, command) in _processes(var).items()
    }
    wants = " ".join(sorted(found))
    return found | {"parley.target": _target(wants)}


def _processes(var: Path) -> dict[str, tuple[str, list[str]]]:
    """What each process does and its command, by name."""
    found = {
        "migrate": ("schema", [sys.executable, str(BASE_DIR / "manage.py"), "migrate"]),
        "web": (
            "pages, API, webhooks",
            commands.web(["--uds", str(SOCKETS / "web.sock")], "${WEB_WORKERS}"),
        ),
        "live": ("event streams", commands.live(["--uds", str(SOCKETS / "live.sock")])),
        "worker": ("work in the background", commands.worker("${WORKER_PROCESSES}")),
        "beat": ("schedule", commands.beat(var)),
    }
    if front := caddy_binary():
        found["front"] = ("one address", commands.front_command(front))
    return found


def _service(
    name: str, about: str, command: list[str], user: str, var: Path, *, kill: str = "control-group"
) -> str:
    is_once = name == "parley-migrate"
    after = "" if name in ("parley", "parley-migrate") else " parley-migrate.service"
    requires = f"Requires={after.strip()}\n" if after else ""
    low = "AmbientCapabilities=CAP_NET_BIND_SERVICE\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE\n"
    restart = "Type=oneshot\nRemainAfterExit=yes\n" if is_once else "Restart=always\nRestartSec=2\n"
    return f"""\
[Unit]
Description={about}
Documentation=file://{BASE_DIR}/docs/operations.md
After=network-online.target{after}
Wants=network-online.target
{requires}
[Service]
User={user}
Group={user}
WorkingDirectory={BASE_DIR}
Environment=PARLEY_VAR={var} WEB_WORKERS=2 WORKER_PROCESSES=2 PYTHONUNBUFFERED=1
Environment=PROMETHEUS_MULTIPROC_DIR={SOCKETS}/metrics
Environment=WEB=unix/{SOCKETS}/web.sock LIVE=unix/{SOCKETS}/live.sock
Environment=XDG_DATA_HOME={var} XDG_CONFIG_HOME={var}
EnvironmentFile=-/{SETTINGS}
{"" if name in WEB else f"EnvironmentFile=-/{LOGINS}" + chr(10)}\
ExecStartPre=/bin/mkdir -p {SOCKETS}/metrics
{_before(name)}\
ExecStart={" ".join(map(_quoted, command))}
{restart}KillMode={kill}
TimeoutStopSec=60
RuntimeDirectory=parley
RuntimeDirectoryMode=0700
RuntimeDirectoryPreserve=yes
StateDirectoryMode=0700
ReadWritePaths={var}
{low if name in LISTENS_LOW else "CapabilityBoundingSet=" + chr(10)}{HARDENED}
[Install]
WantedBy={"multi-user.target" if name == "parley" else "parley.target"}
"""


def _before(name: str) -> str:
    """Static files are collected once, with the schema."""
    if name != "parley-migrate":
        return ""
    command = [sys.executable, str(BASE_DIR / "manage.py"), *commands.COLLECT]
    return f"ExecStartPre={' '.join(map(_quoted, command))}\n"


def _target(wants: str) -> str:
    return f"""\
[Unit]
Description=Parley
Wants={wants}

[Install]
WantedBy=multi-user.target
"""


def _quoted(word: str) -> str:
    return f'"{word}"' if " " in word or not word else word


def _install(arguments: argparse.Namespace) -> None:
    root: Path = arguments.root
    is_here = root == Path("/")
    if is_here and os.geteuid() != 0:
        raise StackError("only root may install services: sudo, or --print to see them.")
    if is_here and not shutil.which("systemctl"):
        raise StackError("this machine has no systemd; --print shows the units.")
    if is_here:
        _make_user(arguments.user, arguments.var)
    written = units(arguments.user, arguments.var)
    (root / UNITS).mkdir(parents=True, exist_ok=True)
    for name, unit in written.items():
        (root / UNITS / name).write_text(unit)
    _keep_settings(root)
    if is_here:
        start = "parley.target" if "parley.target" in written else "parley.service"
        subprocess.run(["systemctl", "daemon-reload"], check=True)
        subprocess.run(["systemctl", "enable", "--now", start], check=True)
    sys.stdout.write(
        f"Written: {', '.join(sorted(written))}; settings are in {root / SETTINGS}.\n"
        "Follow it with: journalctl -fu 'parley*'\n"
    )


def _make_user(user: str, var: Path) -> None:
    try:
        pwd.getpwnam(user)
    except KeyError:
        shell = "/usr/sbin/nologin"
        subprocess.run(["useradd", "--system", "--user-group", "--shell", shell, user], check=True)
    for path in (BASE_DIR, Path(sys.executable)):
        reads = subprocess.run(["runuser", "-u", user, "--", "test", "-r", str(path)])
        if reads.returncode:
            raise StackError(f"{user} cannot read {path}: move the code, for instance to /opt.")
    var.mkdir(parents=True, exist_ok=True)
    shutil.chown(var, user, user)
    var.chmod(0o700)


def _keep_settings(root: Path) -> None:
    """Write the variables that are set now, readable by root only; a file that is there stays."""
    kept = {name: value for name in sorted(VARIABLES) if (value := text(name))}
    kept.pop("PARLEY_VAR", None)
    if front_site := kept.get("DOMAIN"):
        kept["SITE"] = front_site
        if email := kept.get("ACME_EMAIL"):
            kept["GLOBAL"] = f"email {email}"
    logins = {name: kept.pop(name) for name in sorted(ONLY_WORKERS & kept.keys())}
    (root / SETTINGS).parent.mkdir(parents=True, exist_ok=True)
    for path, values in ((root / SETTINGS, kept), (root / LOGINS, logins)):
        if not path.exists():
            _write(path, values)


def _write(path: Path, values: dict[str, str]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.writelines(f'{name}="{value}"\n' for name, value in values.items())


def _remove(root: Path) -> None:
    """Stop and remove the units; settings and data stay."""
    found = sorted((root / UNITS).glob("parley*.service")) + sorted(
        (root / UNITS).glob("parley.target")
    )
    if root == Path("/") and found:
        names = [path.name for path in found]
        subprocess.run(["systemctl", "disable", "--now", *names], check=True)
    for path in found:
        path.unlink()
    if root == Path("/"):
        subprocess.run(["systemctl", "daemon-reload"], check=True)
    sys.stdout.write(f"Removed {len(found)} units; settings and data stay.\n")
