#!/usr/bin/env python3
"""A scripted prosa-bridge: speaks the protocol over --fd or --connect, and does what the test asks through `send`.

A text sent to "script@s.whatsapp.net" is a command. In the media directory, `plan.json` says how to behave, and
`journal.jsonl` keeps everything it is told.
"""

import json
import os
import socket
import struct
import sys
import threading
import time
from pathlib import Path
from typing import Any

argv = sys.argv[1:]


def option(name: str) -> str:
    return argv[argv.index(name) + 1] if name in argv else ""


directory = Path(option("--media-dir"))
plan_path = directory / "plan.json"
plan: dict[str, Any] = json.loads(plan_path.read_text()) if plan_path.exists() else {}


def journal(entry: dict[str, Any]) -> None:
    with (directory / "journal.jsonl").open("a") as file:
        file.write(json.dumps(entry) + "\n")


journal({"started": os.getpid(), "argv": argv, "environ": dict(os.environ)})
if plan.get("die_at_start"):
    sys.stderr.write(json.dumps({"level": "error", "msg": "the store is away", "time": "x"}) + "\n")
    sys.exit(3)

if option("--fd"):
    stream = socket.socket(fileno=int(option("--fd")))
else:
    host, port = option("--connect").split(":")
    stream = socket.create_connection((host, int(port)))

lock = threading.Lock()


def raw(data: bytes) -> None:
    with lock:
        stream.sendall(data)


def frame(message: dict[str, Any]) -> None:
    body = json.dumps(message).encode()
    raw(struct.pack(">I", len(body)) + body)


def read(size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = stream.recv(size - len(data))
        if not part:
            journal({"eof": True})
            time.sleep(plan.get("linger", 0))
            os._exit(0)
        data += part
    return data


if option("--connect"):
    frame({"token": os.environ["PROSA_BRIDGE_TOKEN"]})

sys.stderr.write(json.dumps({"level": "warn", "msg": "fake bridge up", "session": "s0", "time": "x"}) + "\n")
sys.stderr.write(json.dumps({"level": "warn", "msg": "odd", "self": "x", "method_name": "y", "event": "z"}) + "\n")
sys.stderr.write("not json\n" + "x" * 1_000_000 + "\n")  # more than a pipe holds, should nobody read it
sys.stderr.flush()


def script(session: str, command: str) -> None:
    what, *rest = json.loads(command)
    if what == "event":
        frame({"event": rest[0], "session": session, "data": rest[1]})
    elif what == "stored_event":
        frame({"event": rest[0], "session": session, "seq": rest[1], "data": rest[2]})
    elif what == "receipts":
        frame({"event": "receipts", "data": {"receipts": rest[0]}})
    elif what == "die":
        os._exit(9)
    elif what == "bad_frame":
        raw(struct.pack(">I", 5) + b"[1,2]")
    elif what == "huge_frame":
        raw(struct.pack(">I", 2**31))
    elif what == "cut_frame":
        raw(struct.pack(">I", 100) + b"{")
        os._exit(0)


opened = set()
while True:
    (size,) = struct.unpack(">I", read(4))
    message = json.loads(read(size))
    journal(message)
    if "method" not in message:
        continue
    method, session, params = message["method"], message.get("session", ""), message["params"]
    answer: dict[str, Any] = {"id": message["id"], "result": {}}
    if method == "hello":
        answer["result"] = {"protocol": plan.get("protocol", 2), "version": "fake", "pid": os.getpid()}
    elif method == "open":
        if session in opened:
            answer = {"id": message["id"], "error": {"code": "already_open", "message": "is open"}}
        elif params.get("jid") == "gone@s.whatsapp.net":
            answer = {"id": message["id"], "error": {"code": "device_not_found", "message": "no such device"}}
        else:
            opened.add(session)
            answer["result"] = {"linked": "jid" in params, "jid": params.get("jid"), "lid": "", "push_name": "Loja"}
            if plan.get("slow_open") and not (directory / "slept").exists():
                (directory / "slept").touch()
                continue
    elif method == "close":
        opened.discard(session)
    elif method == "send":
        if params["to"] == "script@s.whatsapp.net":
            script(session, params["message"]["conversation"])
        elif params["to"].startswith("silent"):
            continue
        elif params["to"].startswith("error:"):
            answer = {"id": message["id"], "error": {"code": params["to"][6:].split("@")[0], "message": "as told"}}
        if "error" not in answer:
            answer["result"] = {"timestamp": 1_700_000_000_000, "sender": "5511999990001:7@s.whatsapp.net"}
    elif method == "pair_code":
        answer["result"] = {"code": "ABCD-1234", "expires_in_ms": 160_000}
    elif method == "resolve":
        answer["result"] = {
            "users": [
                {"phone": p, "on_whatsapp": True, "jid": "551188887777@s.whatsapp.net", "lid": ""}
                for p in params["phones"]
            ]
        }
    elif method == "alternate":
        answer["result"] = {"jid": "99@lid" if params["jid"].startswith("55") else ""}
    elif method == "upload":
        answer["result"] = {
            "url": "https://mmg/x",
            "direct_path": "/v/x",
            "media_key": "a2V5",
            "file_enc_sha256": "ZQ==",
            "file_sha256": "cw==",
            "file_length": 12,
        }
    elif method == "download":
        answer["result"] = {"size": 5, "sha256": "eA=="}
    elif method not in {
        "connect",
        "disconnect",
        "logout",
        "typing",
        "presence",
        "mark_read",
        "passkey_response",
        "passkey_confirm",
    }:
        answer = {"id": message["id"], "error": {"code": "unknown_method", "message": method}}
    frame(answer)
