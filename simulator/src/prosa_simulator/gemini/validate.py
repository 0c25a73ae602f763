"""What Gemini refuses with 400 before any model sees it, in its own words where they are known.

The rules are those a client runs into: shape of ``contents``, roles, tool calls and their results in
pairs, what an explicit cache excludes.
"""

from prosa_simulator.gemini.errors import GoogleError, invalid_argument
from prosa_simulator.gemini.prompt import Turn, read_turn
from prosa_simulator.gemini.wire import JsonObject, as_list, as_object, as_text, decode_base64

# Fields of GenerateContentRequest, ai.google.dev/api/generate-content.
_FIELDS = frozenset(
    {
        "model",
        "contents",
        "systemInstruction",
        "tools",
        "toolConfig",
        "safetySettings",
        "generationConfig",
        "cachedContent",
        "labels",
        "serviceTier",
        "store",
    }
)
# The oneof ``data`` of Part, ai.google.dev/api/caching#Part.
_PART_DATA = frozenset(
    {
        "text",
        "inlineData",
        "functionCall",
        "functionResponse",
        "fileData",
        "executableCode",
        "codeExecutionResult",
        "toolCall",
        "toolResponse",
    }
)
_ROLES = frozenset({"", "user", "model", "function"})


def check_generate(body: JsonObject) -> None:
    """Check a generate request in camelCase.

    Raises:
        GoogleError: 400.
    """
    if unknown := sorted(body.keys() - _FIELDS):
        raise invalid_argument(f'Invalid JSON payload received. Unknown name "{unknown[0]}": Cannot find field.')
    if not as_list(body.get("contents")):
        raise invalid_argument("* GenerateContentRequest.contents: contents is not specified\n")
    check_contents(body)
    if body.get("cachedContent") and body.keys() & {"systemInstruction", "tools", "toolConfig"}:
        raise invalid_argument(
            "CachedContent can not be used with GenerateContent request setting system_instruction, tools or "
            "tool_config.\n\nProposed fix: move those values to CachedContent from GenerateContent request."
        )


def check_contents(body: JsonObject) -> None:
    """Check ``contents`` of any request: roles, parts, files.

    Raises:
        GoogleError: 400.
    """
    for index, content in enumerate(as_list(body.get("contents"))):
        entry = as_object(content)
        if as_text(entry.get("role")) not in _ROLES:
            raise invalid_argument("Please use a valid role: user, model.")
        parts = as_list(entry.get("parts"))
        if not parts:
            raise invalid_argument(
                f"* GenerateContentRequest.contents[{index}].parts: contents.parts must not be empty.\n"
            )
        for place, part in enumerate(parts):
            _check_part(as_object(part), f"contents[{index}].parts[{place}]")


def check_tool_turns(turns: tuple[Turn, ...]) -> None:
    """Check that every step of tool calls is answered at once and completely.

    Raises:
        GoogleError: 400.
    """
    open_calls = 0
    for index, turn in enumerate(turns):
        if open_calls != len(turn.results):
            raise _unpaired(has_calls=bool(open_calls))
        open_calls = len(turn.calls)
        if open_calls and (index == 0 or turns[index - 1].role == "model"):
            raise invalid_argument(
                "Please ensure that function call turn comes immediately after a user turn or after a function "
                "response turn."
            )


def contents_of_embedding(request: JsonObject) -> str:
    """The text of an embedding request.

    Raises:
        GoogleError: 400, there is none.
    """
    text = read_turn(request.get("content") or {}).text
    if not text:
        raise invalid_argument("* EmbedContentRequest.content: content is empty\n")
    return text


def _check_part(part: JsonObject, where: str) -> None:
    if len(part.keys() & _PART_DATA) != 1:
        raise invalid_argument(
            f"* GenerateContentRequest.{where}.data: required oneof field 'data' must have one initialized field\n"
        )
    if "inlineData" not in part:
        return
    blob = as_object(part["inlineData"])
    if not as_text(blob.get("mimeType")):
        raise invalid_argument(f"* GenerateContentRequest.{where}.inline_data.mime_type: must not be empty\n")
    try:
        decode_base64(as_text(blob.get("data")))
    except ValueError:
        raise invalid_argument(
            f"Invalid value at '{where}.inline_data.data' (TYPE_BYTES), Base64 decoding failed."
        ) from None


def _unpaired(*, has_calls: bool) -> GoogleError:
    if has_calls:
        return invalid_argument(
            "Please ensure that the number of function response parts is equal to the number of function call "
            "parts of the function call turn."
        )
    return invalid_argument("Please ensure that function response turn comes immediately after a function call turn.")
