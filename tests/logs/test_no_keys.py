"""API keys never reach the log, wherever somebody puts one: a real Prosa that tells everything."""

import json
from pathlib import Path

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from prosa_simulator.product import ProsaProcess


async def test_no_key_is_told(tmp_path: Path) -> None:
    prosa = ProsaProcess(tmp_path / "data", {"PROSA_LOG_LEVEL": "debug"})
    await prosa.start()
    try:
        async with httpx.AsyncClient(base_url=prosa.url) as client:
            body = {"email": "ana@example.com", "password": "correct horse battery"}
            token = (await client.post("/auth/register", json=body)).json()["access_token"]
            person = {"Authorization": f"Bearer {token}"}
            key = (await client.post("/api-keys", headers=person, json={"name": "n8n"})).json()["key"]
            bearer, header = {"Authorization": f"Bearer {key}"}, {"X-Api-Key": key}
            answers = [
                await client.get("/auth/me", headers=bearer),
                await client.get("/sessions", headers=header),
                await client.get("/users", headers=header),
                await client.get(f"/sessions?api_key={key}"),
                await client.get(f"/sessions?cursor={key}", headers=header),
                await client.get(f"/sessions/{key}", headers=header),
                await client.get(f"/{key}"),
                await client.delete(f"/api-keys/{key}", headers=person),
                await client.patch(f"/api-keys/{key}", headers=person, json={"name": key}),
                await client.post("/api-keys", headers=person, json={"name": "n", "access": key}),
                await client.post("/sessions", headers=header, json={"session_id": key, "name": 1}),
                await client.get("/auth/me", headers={"X-Api-Key": key + "x", "X-Request-ID": key}),
            ]
        statuses = [200, 200, 403, 422, 422, 404, 404, 422, 422, 422, 422, 401]
        assert [answer.status_code for answer in answers] == statuses
        for query, headers in ((f"?token={key}", {}), ("", bearer), ("", header)):
            socket = connect(f"{prosa.url.replace('http', 'ws')}/ws{query}", additional_headers=headers)
            async with socket as events:
                try:
                    assert json.loads(await events.recv())["event"] == "ready"
                    await events.send(json.dumps({"type": "auth", "token": key + "x"}))
                    await events.recv()
                except ConnectionClosed:
                    continue
    finally:
        await prosa.stop()
    told = prosa.log_path.read_text()
    assert told.count('"event":"request"') >= len(answers)
    assert '"level":"debug"' in told
    assert f"{key[:12]}…" in told  # of the paths that held one
    assert key[12:] not in told
    for answer in (*answers[:5], *answers[7:]):  # the others were given it as a number's name
        assert key not in answer.text
        assert key not in str(answer.headers)
