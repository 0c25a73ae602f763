"""The number's documents in a turn: what goes into the prompt, and which of it the answer used."""

from collections.abc import Sequence
from dataclasses import replace

import structlog

from prosa.ai.asking import Answer, AnswerRequest
from prosa.ai.context import PromptMessage
from prosa.ai.parts import Passage, Source, Tier
from prosa.knowledge.index import Extract, KnowledgeIndex, Shelf
from prosa.knowledge.used import used
from prosa.sessions.facts import SessionFacts

logger = structlog.get_logger("prosa.turns")

ASKED_BEFORE = 2
"""The contact's earlier messages that a search takes in as well: "and on Sunday?" says too little by itself."""
SHORT_QUESTION = 60
"""Characters; a longer question is looked for by itself."""


def shelf_of(session: SessionFacts) -> Shelf:
    """Return where a number's knowledge is found, and how it is to be used."""
    chosen = session.settings.knowledge
    return Shelf(
        session_id=session.session_id,
        user_id=session.user_id,
        version=session.knowledge_version if chosen.enabled else 0,
        whole_tokens=chosen.whole_tokens,
        passage_tokens=chosen.passage_tokens,
        maker=chosen.embeddings,
    )


class Knowing:
    """Puts knowledge into requests, and notes what answers took of it. A number without documents costs nothing."""

    def __init__(self, index: KnowledgeIndex) -> None:
        self._index = index

    async def searches(self, session: SessionFacts) -> bool:
        """Whether a number has more knowledge than goes with every prompt, so that questions are looked for in it."""
        shelf = shelf_of(session)
        try:
            return bool(shelf.version) and await self._index.whole(shelf) is None
        except Exception:
            logger.exception("knowledge could not be read", session=session.session_id)
            return False

    async def informed(
        self, session: SessionFacts, request: AnswerRequest, waiting: Sequence[PromptMessage]
    ) -> AnswerRequest:
        """Return the request with the number's knowledge: all of it, or what the waiting messages are about.

        Without it where the search fails: an answer that knows less is better than none.
        """
        shelf = shelf_of(session)
        if not shelf.version:
            return request
        try:
            whole = await self._index.whole(shelf)
            if whole is not None:
                return replace(request, knowledge=[_passage(one) for one in whole])
            found = await self._index.find(shelf, question_of(request, waiting))
        except Exception:
            logger.exception("knowledge could not be searched", session=session.session_id)
            return request
        return replace(request, passages=[_passage(one) for one in found])


def question_of(request: AnswerRequest, waiting: Sequence[PromptMessage]) -> str:
    """Return what is to be looked for: the waiting messages, and what the contact said before where they are short."""
    asked = "\n".join(message.text for message in waiting)
    if len(asked) >= SHORT_QUESTION or not waiting:
        return asked
    before = [message.text for message in request.messages if not message.ours and message.seq < waiting[0].seq]
    return "\n".join([asked, *before[-ASKED_BEFORE:]])


def with_sources(request: AnswerRequest, answer: Answer, waiting: Sequence[PromptMessage]) -> Answer:
    """Return the answer with the documents that it used."""
    given = [*request.knowledge, *request.passages]
    if not given or answer.tier is not Tier.MODEL:
        return answer
    question = "\n".join(message.text for message in waiting)
    taken = [given[place] for place in used(answer.text, [one.text for one in given], question=question)]
    sources = dict.fromkeys(Source(one.id, one.title, one.place) for one in taken)
    return replace(answer, sources=(*answer.sources, *sources))


def _passage(one: Extract) -> Passage:
    return Passage(str(one.source_id), one.name, one.text, one.place)
