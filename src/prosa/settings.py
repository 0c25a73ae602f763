"""All settings, read once at start from the environment and `.env`; every name has the prefix `PROSA_`."""

import sys
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from prosa.errors import ConfigurationError

GEMINI_URL = "https://generativelanguage.googleapis.com"
"""Google's address of the Gemini API (ai.google.dev, API reference)."""
MIN_SECRET_KEY = 32
"""Characters; HS256 wants as many bytes of key as its hash has (RFC 7518 §3.2)."""


class Settings(BaseSettings):
    """What an installation can set. Every field is documented in `.env.example`."""

    model_config = SettingsConfigDict(
        env_prefix="PROSA_",
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,  # docker compose passes an unset variable on as an empty text
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,  # a value that is not acceptable may still be a secret
    )

    # Where Prosa listens and keeps its files
    host: str = Field("127.0.0.1", min_length=1, description="Address to listen on; 0.0.0.0 for every interface.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    data_dir: Path = Field(Path("data"), description="Directory of the embedded database, media and keys.")
    public_url: str | None = Field(None, description="The address people reach Prosa under, if not host and port.")
    cors_origins: Annotated[list[str], NoDecode] = Field(
        [], description="Origins of other web pages that may call the API, with commas between."
    )
    frame_origins: Annotated[list[str], NoDecode] = Field(
        [], description="Origins of other web pages that may show the console in a frame; left out: none may."
    )
    docs_enabled: bool = Field(default=True, description="Serve the interactive API documentation at /docs.")

    # Storage
    database_url: str | None = Field(
        None,
        repr=False,
        description="postgresql://user:password@host/name; left out: SQLite in the data directory.",
    )
    redis_url: SecretStr | None = Field(None, description="redis://host:6379/0; left out: a cache in the process.")

    # Signing in
    secret_key: SecretStr | None = Field(
        None,
        description="Signs access tokens, 32 characters or more; left out: made once and kept in the data directory.",
    )
    access_token_minutes: int = Field(15, ge=1, le=1440, description="How long an access token is good for.")
    refresh_token_days: int = Field(30, ge=1, le=365, description="How long a sign-in lasts without being used.")

    # Answers
    gemini_api_key: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("PROSA_GEMINI_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY"),
        description="Key of the Gemini API. Without it messages are stored and not answered.",
    )
    gemini_base_url: str | None = Field(None, description="Another address of the Gemini API; for tests and proxies.")
    ai_model: str = Field(
        "gemini-3.5-flash-lite", min_length=1, description="The model that answers unless a session sets another."
    )
    prices_file: Path | None = Field(
        None, description="Your own prices of models, as JSON (docs/ai.md); left out: the list that comes with Prosa."
    )
    ai_timeout_seconds: float = Field(60, gt=0, le=600, description="Longest wait for one answer of the model.")

    ai_concurrency: int = Field(
        64,
        ge=1,
        le=1000,
        description="Calls to one provider of models at the same time, in this process; others count for themselves.",
    )

    # WhatsApp
    bridge_path: Path | None = Field(None, description="The prosa-bridge program, if not the one installed with Prosa.")
    device_name: str = Field("Prosa", max_length=40, description="What the phone lists this linked device as.")
    whatsapp_store_url: SecretStr | None = Field(
        None, description="Where linked-device credentials live; left out: beside the database."
    )
    media_max_mb: int = Field(100, ge=1, le=2048, description="Largest file to take in or send, in MiB.")
    media_auto_download_mb: int = Field(
        25, ge=0, le=2048, description="Media up to this size are downloaded on arrival, in MiB; 0 for on demand only."
    )
    whatsapp_test_url: str | None = Field(None, description="Tests only: a simulator's address on loopback.")
    whatsapp_test_root_key: str | None = Field(None, description="Tests only: the simulator's root key, hex.")
    whatsapp_test_media_ca: Path | None = Field(None, description="Tests only: PEM of the simulator's media server.")

    # Addresses that people type in: tools, other providers
    outgoing_private_addresses: bool = Field(
        default=False, description="Tools and providers may be on this machine or in the local network."
    )
    outgoing_hosts: Annotated[list[str], NoDecode] = Field(
        [], description="Only these hosts may be asked, with commas between; .example.com is all below example.com."
    )

    # Running
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least severe log lines shown.")
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="auto: coloured lines on a terminal, JSON elsewhere."
    )
    processes: int = Field(
        1,
        ge=1,
        le=64,
        description="Processes that serve one port together, each with its part of the numbers: up to one for each "
        "processor.",
    )
    turn_concurrency: int = Field(
        64, ge=1, le=1000, description="Answers being made at the same time, in this process."
    )
    stop_seconds: float = Field(
        8,
        gt=0,
        le=600,
        description="How long a stop waits for what is under way; the rest is handed back to the next start.",
    )
    event_retention_hours: int = Field(24, ge=1, le=720, description="How long events can be replayed.")

    @field_validator(
        "database_url", "redis_url", "prices_file", "secret_key",
        "gemini_api_key", "gemini_base_url", "bridge_path", "public_url",
        "whatsapp_store_url", "whatsapp_test_url", "whatsapp_test_root_key", "whatsapp_test_media_ca",
        mode="before",
    )  # fmt: skip
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return None if isinstance(value, str) and not value.strip() else value

    @field_validator("cors_origins", "frame_origins", "outgoing_hosts", mode="before")
    @classmethod
    def _split_at_commas(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            backend = make_url(value).get_backend_name()
        except ArgumentError:
            backend = ""
        if backend not in {"postgresql", "postgres", "sqlite"}:
            raise ValueError("must start with postgresql:// or sqlite:///")
        return value

    @field_validator("redis_url")
    @classmethod
    def _known_redis(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _is_url(value.get_secret_value(), "redis", "rediss", "unix"):
            raise ValueError("must be like redis://host:6379/0, or start with rediss:// or unix://")
        return value

    @field_validator("secret_key")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < MIN_SECRET_KEY:
            raise ValueError(f"must have at least {MIN_SECRET_KEY} characters")
        return value

    @field_validator("public_url", "gemini_base_url")
    @classmethod
    def _web_address(cls, value: str | None) -> str | None:
        if value is not None and not _is_url(value, "http", "https"):
            raise ValueError("must be an address like https://example.com")
        return value

    @field_validator("cors_origins", "frame_origins")
    @classmethod
    def _origins(cls, values: list[str], info: ValidationInfo) -> list[str]:
        origins = [value.rstrip("/") for value in values]  # as browsers say it
        known = {"*"} if info.field_name == "cors_origins" else set()  # whoever may frame it could trick a click
        if odd := [origin for origin in origins if origin not in known and not _is_origin(origin)]:
            raise ValueError(f"{odd[0]} is not an origin like https://example.com, without a path")
        return origins

    @model_validator(mode="after")
    def _test_settings_together(self) -> Self:
        # half of them would lead a test to the real WhatsApp
        given = (self.whatsapp_test_url, self.whatsapp_test_root_key, self.whatsapp_test_media_ca)
        if any(given) and not all(given):
            raise ValueError(
                "PROSA_WHATSAPP_TEST_URL, PROSA_WHATSAPP_TEST_ROOT_KEY and PROSA_WHATSAPP_TEST_MEDIA_CA belong together"
            )
        return self

    @model_validator(mode="after")
    def _several_processes(self) -> Self:
        if self.processes > 1 and sys.platform == "win32":
            raise ValueError("PROSA_PROCESSES: several processes do not share a port on Windows; leave it at 1")
        return self

    @cached_property
    def sqlalchemy_url(self) -> URL:
        """The database's URL with the async driver filled in."""
        if self.database_url is None:
            return URL.create("sqlite+aiosqlite", database=str(self.data_dir.absolute() / "prosa.sqlite3"))
        url = make_url(self.database_url.replace("postgres://", "postgresql://", 1))
        driver = "postgresql+asyncpg" if url.get_backend_name() == "postgresql" else "sqlite+aiosqlite"
        return url.set(drivername=driver)

    @property
    def on_postgresql(self) -> bool:
        """Whether the database is one that other processes may use, too."""
        return self.sqlalchemy_url.get_backend_name() == "postgresql"

    @cached_property
    def bridge_store_url(self) -> str:
        """The URL of the bridge's store of linked-device credentials; may hold a password."""
        if self.whatsapp_store_url is not None:
            return self.whatsapp_store_url.get_secret_value()
        url = self.sqlalchemy_url
        if self.on_postgresql:
            return url.set(drivername="postgres").render_as_string(hide_password=False)
        return f"sqlite://{self.data_dir.absolute() / 'whatsapp.sqlite3'}"

    @property
    def media_dir(self) -> Path:
        """Where media files are kept."""
        return self.data_dir.absolute() / "media"


def _is_url(text: str, *schemes: str) -> bool:
    try:
        parts = urlsplit(text)
        port = parts.port  # reading it is what checks it
    except ValueError:
        return False
    return parts.scheme in schemes and bool(parts.hostname or parts.scheme == "unix") and port != 0


def _is_origin(text: str) -> bool:
    return _is_url(text, "http", "https") and not any(urlsplit(text)[2:]) and not set(text) & set(" ;,'\"")


def variables(name: str, field: FieldInfo) -> tuple[str, ...]:
    """Return the environment variables that a setting is read from, the usual one first."""
    alias = field.validation_alias
    if isinstance(alias, AliasChoices):
        return tuple(str(choice) for choice in alias.choices)
    return (f"PROSA_{name.upper()}",)


def load() -> Settings:
    """Read the settings from the environment and `.env`.

    Raises:
        ConfigurationError: Some are not acceptable; its detail has a line for each, with the variable's name and
            without its value.
    """
    try:
        return Settings()
    except ValidationError as error:
        lines = []
        for problem in error.errors(include_url=False, include_context=False, include_input=False):
            place = ".".join(str(part) for part in problem["loc"])
            name = "" if not place else f"{place if place.isupper() else f'PROSA_{place.upper()}'}: "
            lines.append(name + problem["msg"].removeprefix("Value error, "))
    except (OSError, UnicodeDecodeError) as error:
        lines = [f".env cannot be read: {error.strerror if isinstance(error, OSError) else 'it is not UTF-8 text'}"]
    raise ConfigurationError(
        "\n".join(lines), remedy="Correct them in the environment or in .env; .env.example explains each."
    )
