"""Static files under names that hold the hash of their content, compressed, kept for years."""

from contextlib import suppress

from django.contrib.staticfiles.apps import StaticFilesConfig
from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticConfig(StaticFilesConfig):
    """Django's app of static files, which does not collect what no page uses."""

    unused = ("*.map", "rest_framework", "redoc")
    ignore_patterns = [*StaticFilesConfig.ignore_patterns, *unused]  # noqa: RUF012


class Storage(CompressedManifestStaticFilesStorage):
    """Addresses of static files: by the hash where `collectstatic` has run, else the plain name.

    Plain names are served from the sources, for a minute each: tests and a checkout where
    nothing was collected need no build.
    """

    manifest_strict = False
    # Addresses inside style sheets follow the hashes; those of source maps are left as they are.
    patterns = (
        (
            "*.css",
            (
                r"""(?P<matched>url\((?P<quote>['"]{0,1})\s*(?P<url>.*?)(?P=quote)\))""",
                (
                    r"""(?P<matched>@import\s*["']\s*(?P<url>.*?)["'])""",
                    """@import url("%(url)s")""",
                ),
            ),
        ),
    )

    def stored_name(self, name: str) -> str:
        """The hashed name of a collected file; `name` itself of any other."""
        with suppress(KeyError):
            return str(self.hashed_files[self.hash_key(self.clean_name(name))])
        return name
