"""Addresses of our own pages: they begin with BASE_URL, never with the host that a request
names.
"""

from urllib.parse import urlsplit

from django.conf import settings


def absolute(path: str) -> str:
    """The full address of a path of ours, query and fragment included; ValueError for anything
    else.
    """
    if not path.startswith("/") or path.startswith("//"):
        raise ValueError("An address is made of a path that begins with one slash.")
    return f"{settings.BASE_URL}{path}"


def rebased(url: str) -> str:
    """The address of the same page under BASE_URL, whatever host `url` names."""
    parts = urlsplit(url)
    return absolute(
        parts._replace(scheme="", netloc="", path=f"/{parts.path.lstrip('/')}").geturl()
    )


def host() -> str:
    """The host name of BASE_URL, without a port."""
    return urlsplit(settings.BASE_URL).hostname or "localhost"
