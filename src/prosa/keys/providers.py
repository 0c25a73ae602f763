"""Which model providers take no address of one's own: to them a key belongs without one."""

from typing import Final

FIXED: Final = frozenset(
    {
        "bedrock", "cerebras", "cohere", "crusoe", "deepseek", "fireworks", "github", "meta", "nebius",
        "openai-chatgpt", "openai-codex", "openrouter", "ovhcloud", "together", "vercel", "voyageai", "xai",
        # their clients take an address, and connect by themselves: it could not be held to what may be asked
        "google-cloud", "huggingface",
        # takes an endpoint of an account, and more than that
        "azure", "azure-responses",
    }
)  # fmt: skip
"""As model strings name them; a test compares them with pydantic-ai."""
