"""What the REST API takes and shows of frequent answers."""

import uuid
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from prosa.answers.models import AnsweredBy, SuggestionStatus, Verdict
from prosa.answers.text import LONGEST_QUESTION
from prosa.forms import LANGUAGE, NAMED, NO_NUL

LONGEST_ANSWER = 4096

Question = Annotated[
    str, StringConstraints(min_length=1, max_length=LONGEST_QUESTION, strip_whitespace=True, pattern=NO_NUL)
]
AnswerText = Annotated[
    str, StringConstraints(min_length=1, max_length=LONGEST_ANSWER, strip_whitespace=True, pattern=NO_NUL)
]
Language = Annotated[str, StringConstraints(max_length=16, pattern=LANGUAGE)]
SessionName = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=NAMED)]

_TITLE = "The question as you would put it; it is a phrasing too."
_SESSION = "The number that may give it; null: all of yours."


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _View(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class FrequentAnswerIn(_Body):
    """A frequent answer to add."""

    title: Question = Field(description=_TITLE, examples=["What are your opening hours?"])
    answer: AnswerText = Field(description="What is sent, as it is.", examples=["We are open Monday to Friday, 9–18."])
    session_id: SessionName | None = Field(None, description=_SESSION, examples=["shop-sales"])
    language: Language | None = Field(None, description="The answer's language, for your own order.", examples=["en"])
    enabled: bool = Field(default=True, description="Whether it is given.")
    phrasings: list[Question] = Field(
        default_factory=list, max_length=200, description="Other ways to ask.", examples=[["when are you open"]]
    )


class FrequentAnswerPatch(_Body):
    """What to change of a frequent answer. Whatever is left out stays as it is."""

    title: Question | None = Field(None, description="Changes what it is called; add a phrasing to match other words.")
    answer: AnswerText | None = Field(
        None, description="What is sent, as it is.", examples=["We are open Monday to Saturday, 9–18."]
    )
    session_id: SessionName | None = Field(None, description=_SESSION)
    language: Language | None = None
    enabled: bool | None = Field(None, description="Whether it is given.", examples=[True])

    @model_validator(mode="after")
    def _no_null(self) -> Self:
        for name in ("title", "answer", "enabled"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise ValueError(f"{name} may be left out, but not null")
        return self


class FrequentAnswerView(_View):
    """A frequent answer."""

    id: uuid.UUID
    title: str
    answer: str
    session_id: str | None = Field(description=_SESSION)
    language: str | None
    enabled: bool
    phrasings: int = Field(description="How many ways to ask are known, the title among them.")
    created_at: datetime
    updated_at: datetime


class PhrasingsIn(_Body):
    """Ways to ask that are to be added."""

    texts: list[Question] = Field(min_length=1, max_length=100, examples=[["when do you open", "are you open today"]])


class PhrasingView(_View):
    """One way to ask."""

    id: uuid.UUID
    text: str
    created_at: datetime


class Imported(BaseModel):
    """What an import did."""

    rows: int = Field(description="Rows read.")
    answers_added: int
    answers_changed: int
    phrasings_added: int


class SuggestionView(BaseModel):
    """Like questions that no frequent answer is for yet."""

    id: uuid.UUID
    session_id: str = Field(description="The number where they were asked.")
    status: SuggestionStatus
    count: int = Field(description="How often something like it was asked.", examples=[12])
    title: str = Field(description="The wording that was used most.", examples=["do you deliver on Saturdays?"])
    examples: list[str] = Field(description="Some wordings.")
    draft: str = Field(description="What was answered to it last; a person's answer before the AI's.")
    draft_by: AnsweredBy = Field(description="Who gave that answer.")
    last_asked_at: datetime
    answer_id: uuid.UUID | None = Field(description="The frequent answer that was made of it.")


class SuggestionApproval(_Body):
    """How to make a frequent answer of a suggestion; all of it may be left out."""

    title: Question | None = Field(
        None, description="Left out: the suggestion's.", examples=["Do you deliver on Saturdays?"]
    )
    answer: AnswerText | None = Field(
        None, description="Left out: the suggestion's draft.", examples=["Yes, until noon."]
    )
    answer_id: uuid.UUID | None = Field(
        None, description="Add the wordings to this frequent answer instead of making a new one."
    )
    everywhere: bool = Field(
        default=False, description="For all your numbers, not only for the one where it was asked."
    )
    enabled: bool = Field(default=True, description="Whether it is given.")


class QuestionView(BaseModel):
    """A question that was asked, its answer, and what the frequent answers have for it."""

    id: uuid.UUID
    session_id: str
    conversation_id: uuid.UUID | None
    text: str
    reply: str = Field(description="What was answered.")
    answered_by: AnsweredBy
    answer_id: uuid.UUID | None = Field(description="The best frequent answer for it.")
    title: str | None
    answer: str | None
    passed: bool = Field(description="Whether that answer would have been given, or was.")
    score: float | None = Field(description="How near the question is to its phrasings, 2 at most.")
    margin: float | None = Field(description="How much nearer than to those of the second-best answer.")
    differs: str | None = Field(description="In what the question differs all the same: numbers, negation, …")
    likeness: float | None = Field(description="Of the frequent answer and the reply, 1 at most.")
    suspect: bool = Field(description="The two say unlike things; a person should judge.")
    verdict: Verdict | None = Field(description="What a person said of the frequent answer.")
    created_at: datetime


class VerdictIn(_Body):
    """What a person says of the frequent answer to a question."""

    verdict: Literal["right", "wrong"] | None = Field(
        description="wrong: like questions get no frequent answer any more; null takes it back."
    )


class AnswerCount(_View):
    """How often one frequent answer fitted."""

    id: uuid.UUID
    title: str
    hits: int
    wrong: int = Field(description="Judged wrong.")


class FrequentReport(BaseModel):
    """What frequent answers did, or would have done."""

    days: int
    questions: int = Field(description="Questions that stood alone, so that a frequent answer might be given.")
    hits: int = Field(description="Of these, those a frequent answer passed for.")
    hit_share: float = Field(description="The same as a share, 0 to 1.")
    served: int = Field(description="Frequent answers that were given.")
    exact: int = Field(description="Answers that were given again to the same words.")
    judged_right: int
    judged_wrong: int
    suspect: int = Field(description="Not judged, and unlike what the AI or a person answered.")
    estimated_wrong_share: float | None = Field(
        description="Of the hits, 0 to 1: those judged wrong and the suspect ones; null while nothing can be said."
    )
    wrong_share_at_most: float | None = Field(
        description="Its upper bound with 95 % confidence (Wilson): wide while there are few hits."
    )
    saved_microusd: int = Field(description="What the AI's answers cost, or would have, where a frequent one passed.")
    by_answer: list[AnswerCount] = Field(description="The twenty that fitted most.")


class TryIn(_Body):
    """A question to try."""

    session_id: SessionName = Field(examples=["shop-sales"])
    text: Question = Field(examples=["at what time do you open?"])


class TryView(BaseModel):
    """What the frequent answers have for a question; nothing is sent and nothing kept."""

    answer_id: uuid.UUID | None
    title: str | None
    answer: str | None
    passes: bool = Field(description="Whether it would be given, by the number's threshold and margin.")
    unfit: str | None = Field(description="Why the question goes to the model in any case: personal, goes_on, …")
    score: float | None
    margin: float | None
    differs: str | None
    nearest: str | None = Field(description="The nearest phrasing.")
