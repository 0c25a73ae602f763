"""A request as a script wants to see it: who said what, with which instruction, tools and files."""

import json
from dataclasses import dataclass, field
from functools import cached_property

from prosa_simulator.gemini.tokens import Media
from prosa_simulator.gemini.wire import Json, JsonObject, as_list, as_object, as_text, decode_base64


@dataclass(frozen=True)
class Turn:
    """One entry of ``contents``: role ``user`` or ``model`` (``function`` in old clients), and its parts."""

    role: str
    parts: tuple[JsonObject, ...]

    @cached_property
    def text(self) -> str:
        """The text parts joined by line breaks, without the model's thoughts."""
        return "\n".join(as_text(p["text"]) for p in self.parts if "text" in p and p.get("thought") is not True)

    @cached_property
    def media(self) -> tuple[Media, ...]:
        """Inline files, in order. A part whose data is not base64 is left out (validation refuses it before)."""
        files = []
        for part in self.parts:
            if blob := as_object(part.get("inlineData")):
                try:
                    files.append(Media(as_text(blob.get("mimeType")), decode_base64(as_text(blob.get("data")))))
                except ValueError:
                    continue
        return tuple(files)

    @property
    def calls(self) -> tuple[JsonObject, ...]:
        """``functionCall`` objects: name, args, id."""
        return tuple(as_object(part["functionCall"]) for part in self.parts if "functionCall" in part)

    @property
    def results(self) -> tuple[JsonObject, ...]:
        """``functionResponse`` objects: name, response, id."""
        return tuple(as_object(part["functionResponse"]) for part in self.parts if "functionResponse" in part)

    @property
    def from_user(self) -> bool:
        """A person's turn; a turn that only carries tool results is not one."""
        return self.role == "user" and not (self.results and not self.text and not self.media)


def read_turn(content: Json, *, default_role: str = "user") -> Turn:
    """A ``Content`` object (or a plain string, as ``systemInstruction`` may be) as a `Turn`."""
    if isinstance(content, str):
        return Turn(default_role, ({"text": content},))
    entry = as_object(content)
    return Turn(
        as_text(entry.get("role")) or default_role, tuple(as_object(part) for part in as_list(entry.get("parts")))
    )


@dataclass(frozen=True)
class Prompt:
    """One question to the model, in camelCase, with any explicit cache already put in front.

    Attributes:
        model: the plain name, such as ``gemini-2.5-flash``.
        turns: the whole conversation in order, the newest last.
        system_text: the system instruction as one text.
        tools: function declarations (name, description, parameters).
        config: ``generationConfig``.
        tool_config: ``toolConfig``.
        cached_content: name of the explicit cache the request used, or None.
        stream: asked through ``streamGenerateContent``.
    """

    model: str
    turns: tuple[Turn, ...] = ()
    system_text: str = ""
    tools: tuple[JsonObject, ...] = ()
    config: JsonObject = field(default_factory=dict)
    tool_config: JsonObject = field(default_factory=dict)
    cached_content: str | None = None
    stream: bool = False

    def texts(self) -> list[str]:
        """Every turn's text, oldest first, empty ones left out."""
        return [turn.text for turn in self.turns if turn.text]

    @property
    def user_texts(self) -> list[str]:
        """The texts of the person's turns, oldest first."""
        return [turn.text for turn in self.turns if turn.from_user and turn.text]

    @property
    def last_user_text(self) -> str:
        """The text of the person's newest turn, also when tool calls followed it."""
        return next((turn.text for turn in reversed(self.turns) if turn.from_user), "")

    @property
    def media(self) -> tuple[Media, ...]:
        """All inline files of all turns."""
        return tuple(file for turn in self.turns for file in turn.media)

    @property
    def last_media(self) -> tuple[Media, ...]:
        """Inline files of the person's newest turn."""
        return next((turn.media for turn in reversed(self.turns) if turn.from_user), ())

    @property
    def tool_results(self) -> tuple[JsonObject, ...]:
        """Tool results the request ends with, or nothing when it ends with a person's turn."""
        return self.turns[-1].results if self.turns else ()

    @property
    def tool_names(self) -> list[str]:
        """Names of the functions the model may call."""
        return [as_text(tool.get("name")) for tool in self.tools]

    @property
    def schema(self) -> JsonObject | None:
        """The JSON shape the answer must have, or None when plain text was asked."""
        for name in ("responseJsonSchema", "_responseJsonSchema", "responseSchema"):
            if schema := as_object(self.config.get(name)):
                return schema
        return {} if self.config.get("responseMimeType") == "application/json" else None

    @property
    def forced_tool(self) -> JsonObject | None:
        """The function the client forces the model to call (mode ``ANY``), else None."""
        calling = as_object(self.tool_config.get("functionCallingConfig"))
        if calling.get("mode") != "ANY":
            return None
        allowed = [as_text(name) for name in as_list(calling.get("allowedFunctionNames"))] or self.tool_names
        return next((tool for tool in self.tools if tool.get("name") in allowed), None)


def read_prompt(model: str, body: JsonObject, *, cached: JsonObject | None = None, stream: bool = False) -> Prompt:
    """The prompt of a generate or count request.

    Args:
        model: plain model name.
        body: the request in camelCase.
        cached: the body that created the explicit cache named in `body`, whose turns, tools and instruction
            come first.
        stream: recorded as is.
    """
    bodies = [cached, body] if cached else [body]
    whole = {key: value for part in bodies for key, value in part.items() if value is not None}
    return Prompt(
        model=model,
        turns=tuple(read_turn(content) for part in bodies for content in as_list(part.get("contents"))),
        system_text=read_turn(whole.get("systemInstruction") or {}).text,
        tools=tuple(
            as_object(declaration)
            for tool in as_list(whole.get("tools"))
            for declaration in as_list(as_object(tool).get("functionDeclarations"))
        ),
        config=as_object(whole.get("generationConfig")),
        tool_config=as_object(whole.get("toolConfig")),
        cached_content=as_text(body.get("cachedContent")) or None,
        stream=stream,
    )


def compact_json(value: Json) -> str:
    """JSON in one line with a stable key order: what tool calls and schemas count as when they count as text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
