"""Django settings; every value of the environment comes through `config.environment`."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
from celery.schedules import crontab
from csp.constants import NONCE

from config.admin_menu import UNFOLD as UNFOLD
from config.environment import WEB_THREADS as WEB_THREADS
from config.environment import load
from core.logs import redact

BASE_DIR = Path(__file__).resolve().parent.parent
ENV = load()

SECRET_KEY = ENV.secret_key
DEBUG = ENV.debug
ALLOWED_HOSTS = ENV.allowed_hosts
BASE_URL = ENV.base_url
LIVE_URL = ENV.live_url
CSRF_TRUSTED_ORIGINS = [ENV.base_url]

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    # Before the apps whose commands it replaces.
    "core",
    "config.admin.ParleyAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "core.static_files.StaticConfig",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "django_structlog",
    "csp",
    "axes",
    "accounts",
    "hosting",
    "billing",
    "shops",
    "demo",
    "config",
]

MIDDLEWARE = [
    "core.metrics.MetricsMiddleware",
    "core.client_address.ClientAddressMiddleware",
    "core.middleware.EdgeMiddleware",
    "hosting.api.fast_path.FastPathMiddleware",
    "core.middleware.TextMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "core.logs.RequestLogMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "accounts.middleware.UploadMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
    "accounts.middleware.BusinessMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "accounts.context.dashboard",
            ],
        },
    },
]

# "default" connects with the role that row-level security restricts; "owner" only migrates.
DATABASES: dict[str, dict[str, Any]] = ENV.databases
# Whether this process logs in as one that can take `parley_system`; see `core.tenancy`.
TAKES_SYSTEM_ROLE = ENV.takes_system_role
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": ENV.redis_url,
        "OPTIONS": {"socket_timeout": 0.5, "socket_connect_timeout": 0.5},
    }
}
REDIS_URL = ENV.redis_url
SESSION_ENGINE = "accounts.sessions"

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
# Mails and authenticator apps name the product, never an address.
PRODUCT_NAME = "Parley"
ACCOUNT_ADAPTER = "accounts.signup.AccountAdapter"
ACCOUNT_EMAIL_SUBJECT_PREFIX = f"{PRODUCT_NAME}: "
MFA_TOTP_ISSUER = PRODUCT_NAME
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
# Without verification of the address, signing up would reveal who has an account.
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = ENV.debug
# The demo's operator has a printed password and no device; the demo runs on loopback only.
OPERATORS_REQUIRE_MFA = not ENV.demo
AXES_VERBOSE = False
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]

EMAIL_BACKEND = ENV.email_backend
# Seconds that a mail server may take for each answer.
EMAIL_TIMEOUT = 30
globals().update({name: value for name, value in ENV.email.items() if name.startswith("EMAIL_")})
# The folder that the page "Development mailbox" shows, empty: there is no such page. Only with the
# demo, which is on this machine only: mails hold codes to log in with.
ARE_FILES = ENV.email_backend == "core.outbox.files.EmailBackend"
MAIL_FOLDER = ENV.email["EMAIL_FILE_PATH"] if ARE_FILES and ENV.demo else ""
DEFAULT_FROM_EMAIL = ENV.from_email

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
FORMAT_MODULE_PATH = ["config.formats"]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Filled by `collectstatic`; what was not collected is served from the sources.
STATIC_ROOT = ENV.static
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
WHITENOISE_USE_FINDERS = True
# The folder with pg_dump and pg_restore; empty: they are searched for.
POSTGRES_BIN = ENV.postgres_bin
MEDIA_ROOT = ENV.var / "media"
# Nobody else on the machine reads what customers sent.
FILE_UPLOAD_PERMISSIONS, FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o600, 0o700
STORAGES = {
    "default": ENV.media,
    "staticfiles": {"BACKEND": "core.static_files.Storage"},
}

DATA_UPLOAD_MAX_MEMORY_SIZE = 3 * 1024 * 1024
# Maximum bytes of a request's body by path, the first that matches; None: the view checks before it
# reads. A file may have 500 MB for imports and 100 MB elsewhere, plus the lines of a form.
UPLOAD_LIMITS: list[tuple[str, int | None]] = [
    (r"/(api/v1|history)/imports/", 500 * 1024 * 1024 + 64 * 1024),
    (r"/(v\d+\.\d+/)?\d", None),
    (r"/", 100 * 1024 * 1024 + 64 * 1024),
]
# Networks of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed; from others,
# `core.client_address` removes these headers.
TRUSTED_PROXIES = ENV.trusted_proxies
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = ENV.base_url.startswith("https://")
X_FRAME_OPTIONS = "DENY"
# With an https address, browsers come back by https only.
HSTS_SECONDS = 365 * 24 * 3600
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'", NONCE],
        "style-src": ["'self'", NONCE],
        "img-src": ["'self'", "data:", "blob:"],
        "connect-src": ["'self'", ENV.live_url],
        "frame-ancestors": ["'none'"],
        "object-src": ["'none'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'"],
    },
}
# Unfold's pages use Alpine, which evaluates its attributes, and inline styles; nothing else is
# loosened: no inline script, nothing from elsewhere.
ADMIN_CONTENT_SECURITY_POLICY = {
    **CONTENT_SECURITY_POLICY["DIRECTIVES"],
    "script-src": ["'self'", "'unsafe-eval'"],
    "style-src": ["'self'", "'unsafe-inline'"],
}

REST_FRAMEWORK = {
    "DEFAULT_SCHEMA_CLASS": "accounts.api.ScopedSchema",
    "DEFAULT_RENDERER_CLASSES": ["core.json_renderer.OrjsonRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "UNAUTHENTICATED_USER": None,
    "EXCEPTION_HANDLER": "accounts.api.answer_error",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Parley API",
    "VERSION": "1",
    "DEFAULT_GENERATOR_CLASS": "core.openapi.Generator",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": [],
    "SERVE_AUTHENTICATION": [],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    # Fields of these have names that other choices have too.
    "ENUM_NAME_OVERRIDES": {
        "FinanceExportKindEnum": "billing.models.documents.Export.Kind",
        "InvoiceStatusEnum": "billing.models.invoices.InvoiceStatus",
        "WebhookDeliveryStateEnum": "hosting.models.webhooks.WebhookCall.State",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "core.openapi.describe_errors",
    ],
}

# Celery only wakes workers: no results, no data, no retry while the broker is unavailable.
CELERY_BROKER_URL = ENV.redis_url
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "socket_timeout": 0.5,
    "socket_connect_timeout": 0.5,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULE = {
    "core.send_emails": {
        "task": "core.tasks.send_emails",
        "schedule": 5.0,
        "options": {"expires": 5},
    },
    "hosting.sweep": {"task": "hosting.tasks.sweep", "schedule": 1.0, "options": {"expires": 5}},
    "hosting.tidy": {"task": "hosting.tasks.tidy", "schedule": 60.0, "options": {"expires": 50}},
    "hosting.synchronise": {
        "task": "hosting.tasks.synchronise",
        "schedule": 30.0,
        "options": {"expires": 25},
    },
    "hosting.purge": {
        "task": "hosting.tasks.purge",
        "schedule": 600.0,
        "options": {"expires": 500},
    },
    "hosting.fetch_links": {
        "task": "hosting.tasks.fetch_links",
        "schedule": 5.0,
        "options": {"expires": 5},
    },
    "hosting.broadcast": {
        "task": "hosting.tasks.broadcast",
        "schedule": 1.0,
        "options": {"expires": 5},
    },
    "hosting.move_history": {
        "task": "hosting.tasks.move_history",
        "schedule": 2.0,
        "options": {"expires": 5},
    },
    "billing.sweep": {"task": "billing.tasks.sweep", "schedule": 1.0, "options": {"expires": 5}},
    "shops.take": {"task": "shops.tasks.take", "schedule": 1.0, "options": {"expires": 5}},
    "shops.feed": {"task": "shops.tasks.feed", "schedule": 2.0, "options": {"expires": 5}},
    "shops.fetch_pictures": {
        "task": "shops.tasks.fetch_pictures",
        "schedule": 10.0,
        "options": {"expires": 10},
    },
    "shops.collect": {"task": "shops.tasks.collect", "schedule": 10.0, "options": {"expires": 10}},
    "shops.sweep": {"task": "shops.tasks.sweep", "schedule": 5.0, "options": {"expires": 5}},
    "billing.reconcile": {
        "task": "billing.tasks.reconcile",
        "schedule": crontab(hour=3, minute=20),
    },
    # Operators request a reconciliation; a lost wake-up costs ten seconds.
    "billing.recount": {
        "task": "billing.tasks.recount",
        "schedule": 10.0,
        "options": {"expires": 10},
    },
    "billing.close_due_periods": {
        "task": "billing.tasks.close_due_periods",
        "schedule": 300.0,
        "options": {"expires": 240},
    },
    "billing.export": {"task": "billing.tasks.export", "schedule": 5.0, "options": {"expires": 5}},
    "billing.collect": {
        "task": "billing.tasks.collect",
        "schedule": 30.0,
        "options": {"expires": 25},
    },
    "accounts.plans": {
        "task": "accounts.tasks.plans",
        "schedule": 30.0,
        "options": {"expires": 25},
    },
    "core.beat": {
        "task": "core.tasks.heartbeat",
        "schedule": 5.0,
        "options": {"expires": 5},
    },
}

# Hours after the end of a month until its invoice is issued, for late deliveries.
BILLING_GRACE_HOURS = 24
# Name, days after the due date, action: charge the saved method, remind by e-mail, stop sending.
BILLING_DUNNING = [
    ("charge on the due date", 0, "charge"),
    ("first reminder", 1, "remind"),
    ("second charge", 3, "charge"),
    ("third charge", 7, "charge"),
    ("last reminder", 10, "remind"),
    ("stop", 14, "suspend"),
]
STRIPE_API_KEY = ENV.stripe_api_key
STRIPE_WEBHOOK_SECRET = ENV.stripe_webhook_secret
STRIPE_API_BASE = ENV.stripe_api_base

# Secret and verify token of the platform's own webhook endpoint, `/webhooks/`.
APP_SECRET = ENV.app_secret
VERIFY_TOKEN = ENV.verify_token
ENCRYPTION_KEYS = ENV.encryption_keys
# Backups are encrypted to it; empty: there are none.
BACKUP_KEY = ENV.backup_key
# Opens /metrics; without it there is no such page.
METRICS_TOKEN = ENV.metrics_token
METRICS_FOLDER = ENV.metrics_folder
# Lets media links and webhooks reach private addresses: for development and tests only.
ALLOW_PRIVATE_URLS = ENV.allow_private_urls

DJANGO_STRUCTLOG_CELERY_ENABLED = True
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processors": [
                redact,
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
            "foreign_pre_chain": [
                structlog.contextvars.merge_contextvars,
                structlog.processors.TimeStamper(fmt="iso"),
                structlog.stdlib.add_logger_name,
                structlog.stdlib.add_log_level,
            ],
        },
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["console"], "level": ENV.log_level},
    "loggers": {
        "django.server": {"handlers": [], "propagate": False},
        # These repeat what is logged already, or log every second.
        "django.request": {"level": "ERROR"},
        "httpx": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.worker.request": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        # A wake-up that nobody took in time is no loss: the next one comes within seconds.
        "django_structlog.celery": {"level": "ERROR"},
        # Its lines are statements with their values.
        "django.db.backends": {"level": "WARNING"},
        # The servers' own lines, which have handlers of their own otherwise.
        **{
            name: {"handlers": [], "propagate": True, "level": "WARNING"}
            for name in ("_granian", "granian.access", "uvicorn", "uvicorn.error", "uvicorn.access")
        },
    },
}
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.filter_by_level,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.StackInfoRenderer(),
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
