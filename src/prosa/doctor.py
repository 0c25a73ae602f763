"""`prosa doctor`: looks at everything an installation needs, and says how to mend what is wrong."""

import asyncio
import difflib
import os
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx
from dotenv import dotenv_values
from redis.asyncio import Redis

from prosa.database import Database
from prosa.database.migrate import reason
from prosa.database.revisions import current, head, knows
from prosa.errors import ProsaError
from prosa.settings import GEMINI_URL, Settings, variables
from prosa.whatsapp.process import find_binary

CHECK_SECONDS = 10.0

PREFIX = "PROSA_"
NOT_OURS = ("PROSA_TEST_", "PROSA_BRIDGE_STORE", "PROSA_BRIDGE_TOKEN")
"""Variables of the test suite, and those that only the bridge is given."""
BRIDGE_REMEDY = "Run 'make setup' to build it anew, or install Prosa's wheel for this platform."


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found; `remedy` is empty where there is nothing to do."""

    name: str
    good: bool
    text: str
    remedy: str = ""


def _good(name: str, text: str, *, remedy: str = "") -> Finding:
    return Finding(name, good=True, text=text, remedy=remedy)


def _bad(name: str, text: str, *, remedy: str) -> Finding:
    return Finding(name, good=False, text=text, remedy=remedy)


async def examine(settings: Settings) -> list[Finding]:
    """Run every check, each for at most `CHECK_SECONDS`."""
    checks: list[tuple[str, Callable[[Settings], Awaitable[Finding]]]] = [
        ("settings", _settings),
        ("data directory", _data_dir),
        ("database", _database),
        ("Redis", _redis),
        ("Gemini key", _gemini),
        ("bridge", _bridge),
    ]
    return [await _guarded(name, check, settings) for name, check in checks]


async def _guarded(name: str, check: Callable[[Settings], Awaitable[Finding]], settings: Settings) -> Finding:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await check(settings)
    except TimeoutError:
        return _bad(name, f"no answer within {CHECK_SECONDS:.0f} s", remedy="Is it reachable?")
    except Exception as error:  # noqa: BLE001 - one check that breaks must not hide what the others find
        return _bad(name, f"the check broke: {type(error).__name__}", remedy="Please report this.")


async def _settings(_: Settings) -> Finding:
    name = "settings"
    known = {variable for field, info in Settings.model_fields.items() for variable in variables(field, info)}
    given = {key.upper() for key in (*os.environ, *dotenv_values(".env"))}
    odd = sorted(key for key in given - known if key.startswith(PREFIX) and not key.startswith(NOT_OURS))
    if odd:
        near = {key: difflib.get_close_matches(key, known, 1) for key in odd}
        hints = [f"{key}: did you mean {match[0]}?" for key, match in near.items() if match]
        return _bad(
            name, f"unknown: {', '.join(odd)}", remedy=" ".join(hints) or "Remove them; .env.example has all there are."
        )
    count = len(given & known)
    return _good(name, f"{count or 'none'} set, the rest by default" if count != len(known) else "all set")


async def _data_dir(settings: Settings) -> Finding:
    name, path = "data directory", settings.data_dir.absolute()
    # Looking changes nothing: where the directory is to be made, it must be possible to write in the one around it.
    there = next((one for one in (path, *path.parents) if one.exists()), path)
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        why = f"{'it' if there == path else there} is a file" if there.is_file() else error.strerror
        return _bad(
            name,
            f"{path} cannot be written: {why}",
            remedy="Give this user the right to write there, or set PROSA_DATA_DIR.",
        )
    free = os.statvfs(there).f_bavail * os.statvfs(there).f_frsize / 2**30 if hasattr(os, "statvfs") else 99.0
    if free < 1:
        return _bad(name, f"only {free:.1f} GiB are free in {path}", remedy="Make room.")
    return _good(name, str(path) if there == path else f"{path} will be made on the first start")


async def _database(settings: Settings) -> Finding:
    name, url = "database", settings.sqlalchemy_url
    shown = url.render_as_string(hide_password=True)
    if url.get_backend_name() == "sqlite" and not os.path.exists(url.database or ""):  # noqa: ASYNC240, PTH110
        return _good(name, f"{shown} will be made on the first start")
    database = Database(url, pool_size=1)
    try:
        revision = await current(database)
    except Exception as error:  # noqa: BLE001 - drivers have no common class
        return _bad(
            name,
            f"{shown}: {reason(error)}",
            remedy="Is the server running, and are name, user and password in PROSA_DATABASE_URL right?"
            if database.dialect == "postgresql"
            else "Is it a database, and may this user write it and its directory?",
        )
    finally:
        await database.close()
    if revision is not None and not knows(revision):
        return _bad(
            name,
            f"{shown} is at revision {revision}, which this version does not know",
            remedy="Install the newer Prosa that made it, or restore the backup from before.",
        )
    if revision != head():
        text = f"{shown} is at revision {revision or 'none'}, this version needs {head()}"
        return _good(name, text, remedy="'prosa serve' or 'prosa migrate' brings it up to date.")
    return _good(name, f"{shown}, revision {revision}")


async def _redis(settings: Settings) -> Finding:
    if settings.redis_url is None:
        return _good("Redis", "not set: the cache is in the process")
    try:
        client = Redis.from_url(settings.redis_url.get_secret_value(), socket_connect_timeout=5, socket_timeout=5)
    except ValueError as error:
        return _bad("Redis", str(error), remedy="Set PROSA_REDIS_URL to redis://host:6379/0.")
    try:
        await client.ping()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
        return _bad(
            "Redis",
            f"{type(error).__name__}: {error}",
            remedy="Is the server running, and is PROSA_REDIS_URL right? Prosa works without it, slower.",
        )
    finally:
        await client.aclose()
    return _good("Redis", "answers")


async def _gemini(settings: Settings) -> Finding:
    name = "Gemini key"
    if settings.gemini_api_key is None:
        return _bad(
            name,
            "not set: messages are stored and not answered",
            remedy="Make a key at https://aistudio.google.com/apikey and set PROSA_GEMINI_API_KEY, or add it in the "
            "console (Settings, Model keys), where this command does not look.",
        )
    provider, _, model = settings.ai_model.rpartition(":")
    if provider and not provider.startswith("google"):
        return _good(name, f"set; not tried, since {settings.ai_model} is not Gemini")
    if not settings.gemini_api_key.get_secret_value().isascii():
        return _bad(name, "it has characters that no key has", remedy="Copy PROSA_GEMINI_API_KEY again.")
    base = (settings.gemini_base_url or GEMINI_URL).rstrip("/")
    headers = {"x-goog-api-key": settings.gemini_api_key.get_secret_value()}
    try:
        async with httpx.AsyncClient(timeout=CHECK_SECONDS, headers=headers) as client:
            answer = await client.get(f"{base}/v1beta/models/{model}")
    except httpx.HTTPError as error:
        return _bad(name, f"{base} cannot be reached: {type(error).__name__}", remedy="Is the network up?")
    if answer.status_code in {400, 401, 403}:
        return _bad(name, "Google refuses it", remedy="Check PROSA_GEMINI_API_KEY for a full, current key.")
    if answer.status_code == 404:
        return _bad(name, f"there is no model {settings.ai_model}", remedy="Set PROSA_AI_MODEL.")
    if answer.is_error:
        return _bad(name, f"Google answers {answer.status_code}", remedy="Try again in a while.")
    return _good(name, f"accepted; {settings.ai_model} is there")


async def _bridge(settings: Settings) -> Finding:
    try:
        binary = find_binary(settings.bridge_path)
    except ProsaError as error:
        return _bad("bridge", error.detail, remedy=error.remedy)
    try:
        process = await asyncio.create_subprocess_exec(
            binary, "--version", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
    except OSError as error:
        return _bad("bridge", f"{binary}: {error.strerror}", remedy=BRIDGE_REMEDY)
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    said = output.decode(errors="replace").strip()
    if process.returncode != 0:
        return _bad("bridge", f"{binary} ends with {process.returncode}", remedy=BRIDGE_REMEDY)
    if not said.startswith("prosa-bridge "):
        return _bad("bridge", f"{binary} is another program", remedy="Set PROSA_BRIDGE_PATH to prosa-bridge.")
    return _good("bridge", f"{binary}, {said}")
