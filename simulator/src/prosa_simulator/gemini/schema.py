"""A value that fits a schema: what the model answers when structure was asked and no script says what.

Understands the parts of OpenAPI's Schema and of JSON Schema that Gemini accepts (ai.google.dev/gemini-api/docs/
structured-output): types in either case, enum, const, anyOf/oneOf/allOf, ``$ref`` into ``$defs``, bounds.
"""

from prosa_simulator.gemini.wire import Json, JsonObject, as_int, as_list, as_object, as_text

_MAX_DEPTH = 12

# Values for string formats a client checks: RFC 3339 and RFC 9562 examples that never change.
_FORMATS = {
    "date": "2026-01-15",
    "date-time": "2026-01-15T10:00:00Z",
    "time": "10:00:00Z",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "email": "ana@example.com",
    "uri": "https://example.com/",
}


def instance_for(schema: JsonObject, *, text: str = "text") -> Json:
    """The smallest plain value the schema accepts; strings without a format become `text`.

    Optional properties are filled too, except where the schema recurses too deep.
    """
    return _instance(schema, schema, text, 0)


def _instance(schema: JsonObject, root: JsonObject, text: str, depth: int) -> Json:
    schema = _resolve(schema, root)
    if "const" in schema:
        return schema["const"]
    if options := as_list(schema.get("enum")):
        return options[0]
    if depth > _MAX_DEPTH:
        return None
    match _kind(schema):
        case "object":
            return _object(schema, root, text, depth)
        case "array":
            return _array(schema, root, text, depth)
        case "string":
            return _string(schema, text)
        case "integer":
            return _number(schema)
        case "number":
            return float(_number(schema))
        case kind:
            return kind == "boolean" or None


def _kind(schema: JsonObject) -> str:
    """The type in lower case: OpenAPI writes it in capitals, JSON Schema may list several, both may leave it out."""
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((item for item in kind if item != "null"), "null")
    if kind is None:
        return "object" if "properties" in schema else "string"
    return as_text(kind).lower()


def _resolve(schema: JsonObject, root: JsonObject) -> JsonObject:
    """Follow ``$ref`` and pick the first real branch of a choice."""
    for _ in range(_MAX_DEPTH):
        if ref := as_text(schema.get("$ref")):
            target: Json = root
            for step in ref.removeprefix("#").split("/")[1:]:  # a bare "#" is the root
                target = as_object(target).get(step)
            schema = as_object(target)
            continue
        choices = as_list(schema.get("anyOf")) or as_list(schema.get("oneOf")) or as_list(schema.get("allOf"))
        branch = next((as_object(item) for item in choices if as_object(item).get("type") != "null"), None)
        if branch is None:
            return schema
        schema = branch
    return {"type": "null"}


def _object(schema: JsonObject, root: JsonObject, text: str, depth: int) -> Json:
    properties = as_object(schema.get("properties"))
    required = as_list(schema.get("required"))
    wanted = properties if depth < _MAX_DEPTH // 2 else {k: v for k, v in properties.items() if k in required}
    return {name: _instance(as_object(item), root, text, depth + 1) for name, item in wanted.items()}


def _array(schema: JsonObject, root: JsonObject, text: str, depth: int) -> Json:
    most = as_int(schema.get("maxItems"))
    count = max(as_int(schema.get("minItems")) or 0, 1 if depth < _MAX_DEPTH // 2 else 0)
    count = count if most is None else min(count, most)
    return [_instance(as_object(schema.get("items")), root, text, depth + 1) for _ in range(count)]


def _string(schema: JsonObject, text: str) -> str:
    if formatted := _FORMATS.get(as_text(schema.get("format"))):
        return formatted
    least, most = as_int(schema.get("minLength")) or 0, as_int(schema.get("maxLength"))
    return text.ljust(least, ".")[:most]


def _number(schema: JsonObject) -> int:
    """The integer nearest to 1 within the bounds; a bound of -10.5 counts as -11 or -10, whichever fits."""
    number = 1
    for bound, step in (("minimum", 0), ("exclusiveMinimum", 1)):
        if isinstance(least := schema.get(bound), int | float):
            number = max(number, -int(-least // 1) + step)
    for bound, step in (("maximum", 0), ("exclusiveMaximum", 1)):
        if isinstance(most := schema.get(bound), int | float):
            number = min(number, int(most // 1) - step)
    return number
