"""REST of knowledge."""

import uuid
from pathlib import PurePosixPath, PureWindowsPath
from typing import Annotated

from fastapi import APIRouter, File, Form, Path, Query, Response, UploadFile, status

from prosa.auth.caller import Caller
from prosa.errors import FieldError, InvalidInputError, NotFoundError
from prosa.forms import NO_NUL
from prosa.http.auth import SignedIn
from prosa.http.pagination import Page, PageParams
from prosa.http.parameters import SessionId
from prosa.http.problems import problems
from prosa.http.provide import provided
from prosa.knowledge.index import Extract, KnowledgeIndex, Shelf
from prosa.knowledge.models import SourceKind
from prosa.knowledge.reading import MAX_BYTES
from prosa.knowledge.schemas import PassageView, SearchView, SourceIn, SourceText, SourceView
from prosa.knowledge.service import KnowledgeService
from prosa.sessions.directory import SessionDirectory
from prosa.turns.knowing import shelf_of

router = APIRouter(prefix="/sessions/{session_id}/knowledge", tags=["Knowledge"])

Service = Annotated[KnowledgeService, provided(KnowledgeService)]
Index = Annotated[KnowledgeIndex, provided(KnowledgeIndex)]
Directory = Annotated[SessionDirectory, provided(SessionDirectory)]
SourceId = Annotated[uuid.UUID, Path(description="The document.")]
_READ = (401, 404, 422, 503)
_WRITE = (401, 404, 409, 413, 422, 503)


@router.get("", responses=problems(*_READ))
async def list_knowledge(
    session_id: SessionId, caller: SignedIn, service: Service, page: PageParams
) -> Page[SourceView]:
    """List a number's documents, the newest first."""
    rows = await service.page(caller, session_id, after=page.after_id(), limit=page.limit + 1)
    return page.page_by_id(rows, SourceView.model_validate)


@router.post("", status_code=status.HTTP_201_CREATED, responses=problems(*_WRITE))
async def add_knowledge(
    session_id: SessionId, body: SourceIn, caller: SignedIn, service: Service, index: Index, directory: Directory
) -> SourceView:
    """Add a text as a document, also the contents of a web page that you pasted. At most 1 MiB; files may have more."""
    shelf = await _shelf(caller, session_id, directory)
    kind = SourceKind.PAGE if body.url else SourceKind(body.format)
    row = await service.add_text(caller, session_id, body.name, body.text, kind, body.url, embed=shelf.maker != "off")
    await _embed(caller, session_id, index, directory)
    return SourceView.model_validate(row)


@router.post("/documents", status_code=status.HTTP_201_CREATED, responses=problems(*_WRITE))
async def upload_knowledge(
    session_id: SessionId,
    caller: SignedIn,
    service: Service,
    index: Index,
    directory: Directory,
    file: Annotated[UploadFile, File(description="PDF, Markdown or text in UTF-8; at most 20 MiB.")],
    name: Annotated[
        str, Form(max_length=200, pattern=NO_NUL, description="What it is called; the file's name where left out.")
    ] = "",
) -> SourceView:
    """Add a file as a document. A PDF must have text: scanned pages go through text recognition first."""
    shelf = await _shelf(caller, session_id, directory)
    if file.size is None or file.size > MAX_BYTES:
        raise InvalidInputError(
            "The file is too large.", fields=[FieldError("body.file", f"at most {MAX_BYTES // 2**20} MiB")]
        )
    called = name.strip() or _file_name(file.filename)
    row = await service.add_file(caller, session_id, called, await file.read(), embed=shelf.maker != "off")
    await _embed(caller, session_id, index, directory)
    return SourceView.model_validate(row)


@router.get("/search", responses=problems(*_READ))
async def search_knowledge(
    session_id: SessionId,
    caller: SignedIn,
    index: Index,
    directory: Directory,
    q: Annotated[str, Query(min_length=1, max_length=500, pattern=NO_NUL, description="A question.")],
) -> SearchView:
    """Return what the model would be given for a question; nothing is sent."""
    shelf = await _shelf(caller, session_id, directory)
    whole = await index.whole(shelf)
    found = list(whole) if whole is not None else await index.find(shelf, q)
    return SearchView(whole=whole is not None, passages=[_passage(one) for one in found])


@router.get("/{source_id}", responses=problems(*_READ))
async def get_knowledge(session_id: SessionId, source_id: SourceId, caller: SignedIn, service: Service) -> SourceText:
    """Return a document with its text."""
    return SourceText.model_validate(await service.get(caller, session_id, source_id))


@router.delete("/{source_id}", status_code=status.HTTP_204_NO_CONTENT, responses=problems(*_READ))
async def delete_knowledge(session_id: SessionId, source_id: SourceId, caller: SignedIn, service: Service) -> Response:
    """Delete a document; no prompt shows it any more."""
    await service.delete(caller, session_id, source_id)
    return Response(status_code=status.HTTP_204_NO_CONTENT)


async def _shelf(caller: Caller, session_id: str, directory: SessionDirectory) -> Shelf:
    session = await directory.get(session_id)
    if session is None or not caller.has(session.user_id, session.session_id):
        raise NotFoundError("There is no such number here.", remedy="GET /sessions lists yours.")
    return shelf_of(session)


async def _embed(caller: Caller, session_id: str, index: KnowledgeIndex, directory: SessionDirectory) -> None:
    """Begin to work out a new document's meanings."""
    index.embed(await _shelf(caller, session_id, directory))


def _passage(one: Extract) -> PassageView:
    return PassageView(
        source_id=one.source_id, name=one.name, place=one.place, text=one.text, tokens=one.tokens, score=one.score
    )


def _file_name(name: str | None) -> str:
    plain = PurePosixPath(PureWindowsPath(name or "").name).name
    kept = "".join(character for character in plain if character.isprintable()).strip()
    return kept[:200] or "document"
