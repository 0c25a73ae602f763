"""The snippets of docs/webhooks.md that check a signature work as they stand there."""

import json
import re
import shutil
import subprocess
import time
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from prosa.clock import utc_now
from prosa.webhooks import signing

ROOT = Path(__file__).resolve().parents[2]
BODY = '{"text": "olá"}'.encode()


def snippet(language: str) -> str:
    [found] = re.findall(rf"```{language}\n(.*?)```", (ROOT / "docs" / "webhooks.md").read_text("utf-8"), re.DOTALL)
    return str(found)


def cases() -> list[tuple[bool, str, dict[str, str], bytes]]:
    """Return requests, and whether each is one of ours."""
    old, new = signing.new_secret(), signing.new_secret()
    name = signing.message_id(uuid4(), "0-1")
    headers = signing.headers([new, old], name, utc_now(), BODY)
    stale = signing.headers([new], name, utc_now() - timedelta(minutes=6), BODY)
    return [
        (True, new, headers, BODY),
        (True, old, headers, BODY),
        (False, signing.new_secret(), headers, BODY),
        (False, new, headers, BODY + b" "),
        (False, new, headers | {"webhook-id": "msg_other"}, BODY),
        (False, new, headers | {"webhook-timestamp": str(int(time.time()) - 1)}, BODY),
        (False, new, stale, BODY),
    ]


def test_the_python_snippet() -> None:
    names: dict[str, Any] = {}
    exec(compile(snippet("python"), "docs/webhooks.md", "exec"), names)
    assert [names["is_prosa"](*case) for _, *case in cases()] == [wanted for wanted, *_ in cases()]


@pytest.mark.node
def test_the_node_snippet() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no Node.js here")
    made = cases()
    given = json.dumps([[secret, headers, body.decode()] for _, secret, headers, body in made])
    look = f"console.log(JSON.stringify({given}.map((one) => isProsa(...one))))"
    done = subprocess.run([node, "-e", f"{snippet('javascript')}\n{look}"], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [wanted for wanted, *_ in made]
