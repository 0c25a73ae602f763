"""Google's error bodies: ``{"error": {"code", "message", "status", "details"}}`` (google.rpc.Status as JSON)."""

import math

from prosa_simulator.gemini.wire import Json, JsonObject

_RPC = "type.googleapis.com/google.rpc."

# HTTP code to canonical name: google/rpc/code.proto.
_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def status_for(code: int) -> str:
    """The canonical name of an HTTP code, ``UNKNOWN`` when google.rpc has none for it."""
    return _STATUS.get(code, "UNKNOWN")


class GoogleError(Exception):
    """A refusal in Google's shape.

    Attributes:
        code: the HTTP status.
        status: the canonical name, such as ``INVALID_ARGUMENT``.
        details: google.rpc detail messages (each with an ``@type``).
        retry_after: seconds for the ``Retry-After`` header, or None for no header.
    """

    def __init__(
        self,
        code: int,
        message: str,
        *,
        status: str | None = None,
        details: list[JsonObject] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status or status_for(code)
        self.details = details or []
        self.retry_after = retry_after

    @property
    def body(self) -> JsonObject:
        """The JSON body of the answer."""
        error: JsonObject = {"code": self.code, "message": self.message, "status": self.status}
        if self.details:
            details: list[Json] = [*self.details]
            error["details"] = details
        return {"error": error}

    @property
    def headers(self) -> dict[str, str]:
        """HTTP headers beside the body: ``Retry-After`` in whole seconds, rounded up (RFC 9110 §10.2.3)."""
        return {} if self.retry_after is None else {"Retry-After": str(math.ceil(self.retry_after))}


def invalid_argument(message: str) -> GoogleError:
    """400: the request itself is wrong; repeating it is no use."""
    return GoogleError(400, message)


def invalid_key() -> GoogleError:
    """400 ``API_KEY_INVALID``: what Google answers to a key it does not know (not 401)."""
    message = "API key not valid. Please pass a valid API key."
    return GoogleError(
        400,
        message,
        details=[
            {
                "@type": _RPC + "ErrorInfo",
                "reason": "API_KEY_INVALID",
                "domain": "googleapis.com",
                "metadata": {"service": "generativelanguage.googleapis.com"},
            },
            {"@type": _RPC + "LocalizedMessage", "locale": "en-US", "message": message},
        ],
    )


def missing_key() -> GoogleError:
    """403: no key at all."""
    return GoogleError(
        403,
        "Method doesn't allow unregistered callers (callers without established identity). "
        "Please use API Key or other form of API consumer identity to call this API.",
    )


def model_not_found(model: str, version: str, action: str) -> GoogleError:
    """404: no such model, or it does not do this."""
    return GoogleError(
        404,
        f"models/{model} is not found for API version {version}, or is not supported for {action}. "
        "Call ListModels to see the list of available models and their supported methods.",
    )


def rate_limited(*, retry_after: float = 1.0, model: str = "gemini", limit: int = 10) -> GoogleError:
    """429 with the three details Google sends: what quota, where to read about it, and when to come back.

    Args:
        retry_after: seconds, in ``RetryInfo.retryDelay`` (exact) and the ``Retry-After`` header (rounded up).
        model: named in the quota's dimensions.
        limit: the quota's value, in requests a minute.
    """
    return GoogleError(
        429,
        "You exceeded your current quota, please check your plan and billing details. For more information on "
        "this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits.\n"
        f"Please retry in {retry_after:g}s.",
        retry_after=retry_after,
        details=[
            {
                "@type": _RPC + "QuotaFailure",
                "violations": [
                    {
                        "quotaMetric": "generativelanguage.googleapis.com/generate_content_free_tier_requests",
                        "quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",
                        "quotaDimensions": {"location": "global", "model": model},
                        "quotaValue": str(limit),
                    }
                ],
            },
            {
                "@type": _RPC + "Help",
                "links": [
                    {
                        "description": "Learn more about Gemini API quotas",
                        "url": "https://ai.google.dev/gemini-api/docs/rate-limits",
                    }
                ],
            },
            {"@type": _RPC + "RetryInfo", "retryDelay": f"{retry_after:g}s"},
        ],
    )


def internal() -> GoogleError:
    """500: something broke on Google's side."""
    return GoogleError(
        500,
        "An internal error has occurred. Please retry or report in "
        "https://developers.generativeai.google/guide/troubleshooting",
    )


def overloaded() -> GoogleError:
    """503: the model has no capacity now."""
    return GoogleError(503, "The model is overloaded. Please try again later.")
