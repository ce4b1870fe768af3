"""Servers for one benchmark: durable as in production, empty at first, removed afterwards."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stack.servers import Servers, Settings


@contextmanager
def benchmark_servers() -> Iterator[Servers]:
    """Start PostgreSQL and Valkey, set Django up and migrate; yields the servers."""
    folder = Path(tempfile.mkdtemp(prefix="parley-bench-"))
    folder.chmod(0o755)
    os.environ |= {
        "PARLEY_VAR": str(folder),
        "LOG_LEVEL": "ERROR",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL"):
        os.environ.pop(name, None)
        os.environ.pop(f"{name}_FILE", None)
    servers = Servers(Settings(folder)).start()
    try:
        os.environ |= servers.environment
        import django
        from django.conf import settings

        if settings.configured:
            _change_settings(servers)
        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        yield servers
    finally:
        from django.db import connections

        connections.close_all()
        servers.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _change_settings(servers: Servers) -> None:
    """Change the settings of an earlier benchmark in this process to the new servers."""
    import environ
    from django.conf import settings
    from django.db import connections

    settings.REDIS_URL = servers.environment["REDIS_URL"]
    for alias, variable in (("default", "DATABASE_URL"), ("owner", "DATABASE_OWNER_URL")):
        connections[alias].close()
        found = environ.Env.db_url_config(servers.environment[variable])
        for key in ("NAME", "USER", "PASSWORD", "HOST", "PORT"):
            connections[alias].settings_dict[key] = settings.DATABASES[alias][key] = found[key]
