"""Static files: names with hashes, kept for years, compressed; plain names without a build."""

import re
from pathlib import Path
from typing import Any

from django.conf import settings as django_settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command
from django.http import HttpResponse
from django.templatetags.static import static
from django.test import RequestFactory
from whitenoise.middleware import WhiteNoiseMiddleware

OURS = Path(django_settings.BASE_DIR) / "static"


def _collect(settings: Any, folder: Path) -> None:
    settings.STATIC_ROOT, settings.STATICFILES_DIRS = folder, [OURS]
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    settings.WHITENOISE_AUTOREFRESH = False
    # Storages of the settings as they are now, and again after the test.
    settings.STORAGES = {**settings.STORAGES}
    call_command("collectstatic", "--no-input", "--verbosity", "0")


def _get(address: str, encoding: str) -> Any:
    middleware = WhiteNoiseMiddleware(lambda _request: HttpResponse(status=404))
    return middleware(RequestFactory().get(address, headers={"accept-encoding": encoding}))


def test_collected_files_have_hashed_names_are_compressed_and_kept_for_years(
    settings: Any, tmp_path: Path
) -> None:
    _collect(settings, tmp_path)

    address = static("app.css")
    assert re.fullmatch(r"/static/app\.[0-9a-f]{12}\.css", address)
    answer = _get(address, "gzip")
    assert answer["Cache-Control"] == "max-age=315360000, public, immutable"
    assert answer["Content-Encoding"] == "gzip"
    assert int(answer["Content-Length"]) < (OURS / "app.css").stat().st_size / 3
    # The plain name goes on, for pages of the version before.
    assert _get("/static/app.css", "identity")["Cache-Control"] == "max-age=60, public"
    # A style sheet names its fonts by their hashed names.
    named = re.findall(r'url\("(.*?)"\)', (tmp_path / Path(address).name).read_text())
    fonts = [name for name in named if name.endswith(".woff2")]
    assert fonts
    assert all((tmp_path / name).is_file() for name in fonts)
    assert all(re.search(r"\.[0-9a-f]{12}\.woff2$", name) for name in fonts)


def test_without_a_build_files_are_served_from_their_sources(settings: Any) -> None:
    assert not (Path(settings.STATIC_ROOT) / "staticfiles.json").exists()
    assert static("app.css") == staticfiles_storage.url("app.css") == "/static/app.css"
    answer = _get("/static/app.css", "gzip")
    assert answer.status_code == 200
    assert int(answer["Content-Length"]) == (OURS / "app.css").stat().st_size
