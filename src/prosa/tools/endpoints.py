"""REST of tools."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Path, status

from prosa.http.auth import SignedIn
from prosa.http.pagination import Page, PageParams
from prosa.http.parameters import SessionId
from prosa.http.problems import problems
from prosa.http.provide import provided
from prosa.tools.schemas import ToolCallView, ToolCreate, ToolTried, ToolTry, ToolUpdate, ToolView
from prosa.tools.service import ToolService

router = APIRouter(prefix="/sessions/{session_id}", tags=["Tools"])

Service = Annotated[ToolService, provided(ToolService)]
ToolId = Annotated[uuid.UUID, Path(description="The tool's id.")]

_ONE = (401, 404, 422, 503)


@router.get("/tools", responses=problems(*_ONE))
async def list_tools(session_id: SessionId, caller: SignedIn, service: Service) -> list[ToolView]:
    """List the tools that the AI may use on a number; there are at most 20."""
    return [ToolView.model_validate(row) for row in await service.list(caller, session_id)]


@router.post("/tools", status_code=status.HTTP_201_CREATED, responses=problems(*_ONE, 409, 413))
async def create_tool(session_id: SessionId, body: ToolCreate, caller: SignedIn, service: Service) -> ToolView:
    """Declare an HTTP service that the AI may call while it answers."""
    return ToolView.model_validate(await service.create(caller, session_id, body))


@router.get("/tools/{tool_id}", responses=problems(*_ONE))
async def read_tool(session_id: SessionId, tool_id: ToolId, caller: SignedIn, service: Service) -> ToolView:
    """Read a tool; its secret is not shown."""
    return ToolView.model_validate(await service.read(caller, session_id, tool_id))


@router.patch("/tools/{tool_id}", responses=problems(*_ONE, 409, 413))
async def update_tool(
    session_id: SessionId, tool_id: ToolId, body: ToolUpdate, caller: SignedIn, service: Service
) -> ToolView:
    """Change a tool; what is left out stays."""
    return ToolView.model_validate(await service.update(caller, session_id, tool_id, body))


@router.delete("/tools/{tool_id}", status_code=status.HTTP_204_NO_CONTENT, responses=problems(*_ONE))
async def delete_tool(session_id: SessionId, tool_id: ToolId, caller: SignedIn, service: Service) -> None:
    """Remove a tool; what it was called with stays in the log."""
    await service.delete(caller, session_id, tool_id)


@router.post("/tools/{tool_id}/try", responses=problems(*_ONE, 413))
async def try_tool(
    session_id: SessionId, tool_id: ToolId, body: ToolTry, caller: SignedIn, service: Service
) -> ToolTried:
    """Call a tool as the AI would, and see what the AI would be told."""
    called = await service.attempt(caller, session_id, tool_id, body.arguments)
    return ToolTried(ok=called.ok, status=called.status, result=called.result, latency_ms=called.latency_ms)


@router.get("/tool-calls", responses=problems(*_ONE))
async def list_tool_calls(
    session_id: SessionId, caller: SignedIn, service: Service, page: PageParams
) -> Page[ToolCallView]:
    """List the calls of a number's tools, the newest first."""
    rows, more = await service.calls(caller, session_id, before=page.after_id(), limit=page.limit)
    items = [ToolCallView.model_validate(row) for row in rows]
    return Page(items=items, next_cursor=page.cursor(str(more)) if more else None)
