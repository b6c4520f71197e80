"""Django's settings, all from the environment (see `leaderboard.environment` and README, "Settings")."""

import os

from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from evaluator.addresses import Allowed, is_broker
from evaluator.hub_names import mirrors_from
from leaderboard import environment
from leaderboard.environment import ConfigurationError
from leaderboard.schedule import ROUTINES
from leaderboard.variables import Variables, address

env = Variables()

BASE_DIR = environment.ROOT
STATE_DIR = environment.state()
DEMO = environment.demo()

SECRET_KEY = environment.secret("PARITY_SECRET_KEY")
SECRET_KEY_FALLBACKS = [key for key in env.list("PARITY_SECRET_KEY_FALLBACKS", default=[]) if key]
PARITY_URL = env.str("PARITY_URL", default="http://127.0.0.1:8000" if DEMO else "")
if not PARITY_URL:
    raise ConfigurationError("PARITY_URL is not set: the address people open, such as https://parity.example.org")
PARITY_URL = address("PARITY_URL", PARITY_URL)
_scheme, _, _host = PARITY_URL.partition("://")
ALLOWED_HOSTS = [_host.rsplit(":", 1)[0], *(["127.0.0.1", "localhost"] if DEMO else [])]
CSRF_TRUSTED_ORIGINS = [PARITY_URL]
DEBUG = False

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "leaderboard.apps.StaticFiles",
    "csp",
    "django_htmx",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.github",
    "allauth.socialaccount.providers.openid_connect",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "leaderboard.apps.LeaderboardConfig",
]

MIDDLEWARE = [
    "leaderboard.observed.Observed",
    "leaderboard.probes.Probes",
    "leaderboard.traced.Traced",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "leaderboard.packing.Packing",
    "leaderboard.patience.StatementTimeout",
    "leaderboard.database_trouble.DatabaseTrouble",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "leaderboard.read_only.ReadOnly",
    "leaderboard.pages.throttles.Throttles",
]

ROOT_URLCONF = "leaderboard.urls"
WSGI_APPLICATION = "leaderboard.wsgi.application"
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
                "leaderboard.read_only.banner",
            ],
        },
    },
]

if "DATABASE_URL" not in os.environ:
    raise ConfigurationError(
        "DATABASE_URL is not set. `manage.py` starts the embedded server by itself; other programs need "
        "DATABASE_URL=postgresql://user:password@host/name"
    )
try:
    DATABASES = {"default": env.db_url("DATABASE_URL")} if "://" in os.environ["DATABASE_URL"] else {}
except (ImproperlyConfigured, ValueError):
    DATABASES = {}
if not DATABASES.get("default", {}).get("ENGINE", "").endswith("postgresql"):
    raise ConfigurationError(
        "DATABASE_URL cannot be read. It is such as postgresql://user:password@host:5432/name, with special characters "
        "percent-encoded."
    )
# Each thread keeps its connection, asks it for a sign of life before a request, and replaces it when it died (a restart
# of the server). A pool is worse there: it offers one dead connection after the other, with growing waits.
DATABASES["default"] |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
# Milliseconds for one statement of a web request that reads, and of one that writes; 0: no limit (wsgi.py sets it).
WEB_STATEMENT_MS = env.int("PARITY_STATEMENT_MS", default=0)
WEB_WRITE_STATEMENT_MS = 15 * WEB_STATEMENT_MS
if WEB_STATEMENT_MS:
    DATABASES["default"].setdefault("OPTIONS", {})["options"] = f"-c statement_timeout={WEB_STATEMENT_MS}"
AUTH_USER_MODEL = "leaderboard.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [f"django.contrib.auth.hashers.{name}PasswordHasher" for name in ("Argon2", "PBKDF2")]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "board"
LOGOUT_REDIRECT_URL = "board"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

STATIC_URL = "/static/"
STATIC_ROOT = STATE_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_ROOT = STATE_DIR / "files"
# Compressing takes a dozen seconds: worth it once a release, not at every start of the demo on loopback.
_compressed, _plain = "whitenoise.storage.CompressedManifestStaticFilesStorage", "ManifestStaticFilesStorage"
STORAGES = {
    "default": environment.file_storage(os.environ),
    "staticfiles": {"BACKEND": f"django.contrib.staticfiles.storage.{_plain}" if DEMO else _compressed},
}
# Uploaded chunks of samples pass as request bodies; everything else is far smaller.
DATA_UPLOAD_MAX_MEMORY_SIZE = 32 * 2**20
FILE_UPLOAD_HANDLERS = ["leaderboard.no_files.NoFiles"]
PARTS_LIMIT = env.int("PARITY_PARTS_LIMIT_MB", default=256) * 2**20
CHUNK_LIMIT = env.int("PARITY_CHUNK_LIMIT_MB", default=256) * 2**20

SECURITY_CONTACT = os.environ.get("PARITY_SECURITY_CONTACT") or f"mailto:security@{ALLOWED_HOSTS[0]}"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "strict-origin-when-cross-origin"
SESSION_COOKIE_HTTPONLY = True
if _scheme == "https":
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    },
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["leaderboard.api.authentication.BearerToken"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticatedOrReadOnly"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["leaderboard.api.parsing.StrictJSON"],
    "DEFAULT_SCHEMA_CLASS": "leaderboard.api.documented.Documented",
    "EXCEPTION_HANDLER": "leaderboard.api.errors.handle",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Parity API",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "DESCRIPTION": (BASE_DIR / "leaderboard" / "api" / "guide.md").read_text(),
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "PREPROCESSING_HOOKS": ["leaderboard.api.schema.public_routes"],
    "ENUM_NAME_OVERRIDES": {
        "SubmissionState": "leaderboard.models.Submission.State",
        "DeliveryState": "leaderboard.models.Delivery.State",
        "ModelKind": "leaderboard.models.Model.Kind",
        "ChangeKind": "leaderboard.queries.changelog.KINDS",
    },
}

REDIS_URL = env.str("REDIS_URL", default="")
if not is_broker(REDIS_URL):
    raise ConfigurationError(
        "REDIS_URL is not set, or cannot be read. It is such as redis://user:password@host:6379/0 (rediss:// for TLS)."
    )
_rates = {"api": 1_200, "address": 600, "search": 240, "submit": 120, "login": 20}
"""Requests a minute: of a token, of an address without one, and of either for what is dear."""
RATES = environment.rates(
    os.environ.get("PARITY_RATES", ""), {name: n * (10 if DEMO else 1) for name, n in _rates.items()}
)
PROXIES = env.int("PARITY_PROXIES", default=0)
"""How many proxies of ours stand before the site: so many entries of X-Forwarded-For are theirs."""
BOARD_STATE_SECONDS = 0.0 if DEMO else 1.0
"""How long a process may go on with the ranking that it knows; a new result is seen so much later."""
SITE_STATE_SECONDS = 5.0
"""How long a process may go on with the banner and the mode that it knows."""
WAITERS = env.int("PARITY_WAITERS", default=4)
"""Requests of a process that may wait for something to happen, each holding a thread."""
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "site"
CELERY_TASK_ACKS_LATE = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 5, "socket_connect_timeout": 2, "health_check_interval": 10}
CELERY_TIMEZONE = "UTC"
CELERY_ENABLE_UTC = True
HEARTBEAT_SECONDS = env.float("PARITY_HEARTBEAT_SECONDS", default=2.0)
# A dead worker's job waits again within two heartbeats after its lease.
RECONCILE_SECONDS = env.float("PARITY_RECONCILE_SECONDS", default=1.5 * HEARTBEAT_SECONDS)
CELERY_BEAT_SCHEDULE = {
    # Rings again for what waits, ends dead leases: what makes a lost message or worker cost seconds, not a result.
    # Its messages expire, so that none heap up while nobody takes them.
    "reconcile": {
        "task": "leaderboard.reconcile",
        "schedule": RECONCILE_SECONDS,
        "options": {"expires": RECONCILE_SECONDS},
    },
    **{name: {"task": f"leaderboard.{name}", "schedule": routine.at} for name, routine in ROUTINES.items()},
}
FOLLOW_DAY = env.int("PARITY_FOLLOW_DAY", default=5)
"""New revisions of followed models that are submitted for an owner a day (UTC); 0: none."""
REFRESH_HOUR = env.int("PARITY_REFRESH_HOUR", default=50)
"""Models whose repositories are read again an hour; 0: none."""
KEEP_DAYS = env.int("PARITY_KEEP_DAYS", default=90)
"""How long messages that ended and samples that never counted are kept; 0: for ever."""
DIGEST = os.environ.get("PARITY_DIGEST") or "daily"
if DIGEST not in {"daily", "trouble", "off"}:
    raise ConfigurationError(f"PARITY_DIGEST is {DIGEST!r}: it is daily, trouble (days without say nothing) or off.")

HUB_MIRRORS = mirrors_from(os.environ.get("PARITY_HUB_MIRROR", ""))
HUB_ENDPOINT = os.environ.get("HF_ENDPOINT")
HUB_TOKEN = os.environ.get("HF_TOKEN")
HUB_PATIENCE_SECONDS = env.float("PARITY_HUB_PATIENCE_SECONDS", default=1800.0)
LEASE_SECONDS = env.float("PARITY_LEASE_SECONDS", default=60.0)
if LEASE_SECONDS < 2 * HEARTBEAT_SECONDS:
    raise ConfigurationError(
        f"PARITY_LEASE_SECONDS={LEASE_SECONDS:g} does not work: a worker that is heard every "
        f"{HEARTBEAT_SECONDS:g} s (PARITY_HEARTBEAT_SECONDS) would lose its job in between. It is at least twice that. "
        "Example: PARITY_LEASE_SECONDS=60"
    )
JOB_LIMIT_SECONDS = env.float("PARITY_JOB_LIMIT_SECONDS", default=86_400.0)
TASK_LIMIT_SECONDS = env.float("PARITY_TASK_LIMIT_SECONDS", default=21_600.0)
MAX_LOSSES = env.int("PARITY_MAX_LOSSES", default=3)
RETRY_SECONDS = env.float("PARITY_RETRY_SECONDS", default=5.0)
RECHECK_SHARE = env.float("PARITY_RECHECK_SHARE", default=1.0)
TRUST_SHARE = env.float("PARITY_TRUST_SHARE", default=0.25)
"""Of the items that an untrusted worker measured, how many a trusted one measures again before there is a rank."""
MAX_PARAMETERS = env.int("PARITY_MAX_PARAMETERS", default=80_000_000_000)
CAPS = {
    "day": env.int("PARITY_DAY_CAP", default=1_000 if DEMO else 50),
    "month": env.int("PARITY_MONTH_CAP", default=10_000 if DEMO else 500),
    "live": env.int("PARITY_LIVE_CAP", default=1_000 if DEMO else 20),
}
"""Submissions that an owner may make a day and a month (UTC), and have live at once; see leaderboard.actions.quota."""
ORGANISATION_CAPS = {
    "day": env.int("PARITY_ORGANISATION_DAY_CAP", default=CAPS["day"]),
    "month": env.int("PARITY_ORGANISATION_MONTH_CAP", default=CAPS["month"]),
    "live": env.int("PARITY_ORGANISATION_LIVE_CAP", default=CAPS["live"]),
}
"""The same for an organisation, which its members share."""
BACKUP_DAYS = env.int("PARITY_BACKUP_DAYS", default=None)
"""After so many days the operator's backups are gone: what receipts of deletions say."""
SHARDS = env.int("PARITY_SHARDS", default=4)
SHARD_ITEMS = env.int("PARITY_SHARD_ITEMS", default=5_000)
"""A submission is split into as many jobs as it has so many items, and SHARDS at most."""
METRICS_TOKEN = os.environ.get("PARITY_METRICS_TOKEN", "")
"""Who shows it may read /metrics; without one nobody may."""
JOB_QUEUE = env.str("PARITY_JOB_QUEUE", default="cpu" if DEMO else "gpu")
if JOB_QUEUE not in {"cpu", "gpu"}:
    raise ConfigurationError(f"PARITY_JOB_QUEUE={JOB_QUEUE!r} does not work: it is cpu or gpu, as the workers have it.")
LEAST_EDITION = env.int("PARITY_LEAST_EDITION", default=1)
"""Of the contract: workers that speak an older one are refused, and told what to install."""
WORKER_TOKEN = environment.secret("PARITY_WORKER_TOKEN")

# Who is told when a submission ends. Without EMAIL_URL production sends no e-mail; the demo prints it to its log.
EMAIL_URL = os.environ.get("EMAIL_URL") or ("consolemail://" if DEMO else "")
SENDS_MAIL = bool(EMAIL_URL)
try:
    vars().update(env.email_url_config(EMAIL_URL or "dummymail://"))
except (ImproperlyConfigured, ValueError):
    raise ConfigurationError(
        "EMAIL_URL cannot be read. It is such as smtp+tls://user:password@mail.example.org:587, "
        "with special characters percent-encoded."
    ) from None
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = SERVER_EMAIL = os.environ.get("PARITY_MAIL_FROM") or f"parity@{ALLOWED_HOSTS[0]}"

# Accounts (django-allauth). Limits are counted by pages.throttles, in storage that all processes share.
SIGNUP_OPEN = env.bool("PARITY_SIGNUP", default=SENDS_MAIL)
"""Whether anybody may make an account: only where an e-mail can say that the address is theirs."""
ACCOUNT_ADAPTER = "leaderboard.adapter.Adapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "optional" if DEMO else "mandatory"
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = "Parity: "
ACCOUNT_DEFAULT_HTTP_PROTOCOL = _scheme
ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS = 3
ACCOUNT_MAX_EMAIL_ADDRESSES = 3
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_METHODS = ["password", "mfa"]
ACCOUNT_REAUTHENTICATION_TIMEOUT = 900
ACCOUNT_RATE_LIMITS = MFA_RATE_LIMITS = False
ACCOUNT_SESSION_REMEMBER = True
PASSWORD_RESET_TIMEOUT = 3_600
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Parity"
SOCIALACCOUNT_ADAPTER = "leaderboard.adapter.SocialAdapter"
SOCIALACCOUNT_PROVIDERS = environment.providers(os.environ)
SOCIALACCOUNT_STORE_TOKENS = False

ENDPOINT_ENTRIES = [one for part in os.environ.get("PARITY_ENDPOINT_ALLOW", "").split(",") if (one := part.strip())]
try:
    ENDPOINT_ALLOW = Allowed.parse(",".join(ENDPOINT_ENTRIES))
except ValueError as error:
    raise ConfigurationError(f"PARITY_ENDPOINT_ALLOW: {error}") from error
# Who may submit models that answer at those addresses, besides the staff: what comes back is shown to them.
ENDPOINT_USERS = env.list("PARITY_ENDPOINT_USERS", default=["*"] if DEMO else [])
# Seconds to wait after each failed try; after the last one a delivery is dead.
NOTICE_WAITS = env.list("PARITY_NOTICE_WAITS", cast=float, default=[5, 300, 1_800, 7_200, 18_000, 36_000, 50_400])
NOTICE_SECONDS = env.float("PARITY_NOTICE_SECONDS", default=10.0)

LOG = os.environ.get("PARITY_LOG") or "text"
if LOG not in {"text", "json"}:
    raise ConfigurationError(f"PARITY_LOG is {LOG!r}: it is text (lines for people) or json (one object a line).")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
        "json": {"()": "leaderboard.logs.Lines"},
    },
    "filters": {"named": {"()": "leaderboard.logs.Named"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": LOG, "filters": ["named"]}},
    "root": {"handlers": ["console"], "level": "INFO"},
    # One line for each request that this process makes says nothing to an operator.
    "loggers": {
        "httpx": {"level": "WARNING"},
        "httpx2": {"level": "WARNING"},
        # Every task's start and end; the actions say what they did.
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
    },
}
