"""The nodes of WhatsApp's binary XML."""

from collections.abc import Iterator

from prosa_simulator.network.jid import JID


class BinaryError(ValueError):
    """The bytes are not a well-formed node, or the node cannot be encoded."""


class Node:
    """One XML element: a tag, attributes (text or JIDs) and content (children, bytes, text or nothing)."""

    __slots__ = ("attrs", "content", "tag")

    def __init__(
        self,
        tag: str,
        attrs: dict[str, str | JID] | None = None,
        content: "list[Node] | bytes | str | None" = None,
    ) -> None:
        self.tag = tag
        self.attrs = {} if attrs is None else attrs
        self.content = content

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Node):
            return NotImplemented
        return (self.tag, self.attrs, self.content) == (other.tag, other.attrs, other.content)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        attrs = "".join(f" {key}={value}" for key, value in self.attrs.items())
        if isinstance(self.content, list):
            return f"<{self.tag}{attrs}>{''.join(map(repr, self.content))}</{self.tag}>"
        if self.content is None:
            return f"<{self.tag}{attrs}/>"
        body = self.content if isinstance(self.content, str) else self.content[:32].hex()
        return f"<{self.tag}{attrs}>{body}</{self.tag}>"

    @property
    def children(self) -> "list[Node]":
        """The child nodes; empty when the content is not a list."""
        return self.content if isinstance(self.content, list) else []

    def child(self, tag: str) -> "Node | None":
        """Return the first child with this tag, if any."""
        for node in self.children:
            if node.tag == tag:
                return node
        return None

    def find(self, tag: str) -> "Iterator[Node]":
        """Iterate over the children with this tag."""
        return (node for node in self.children if node.tag == tag)

    @property
    def data(self) -> bytes:
        """The content as bytes (a client may send short binary content as packed text); empty when none."""
        if isinstance(self.content, bytes):
            return self.content
        return self.content.encode() if isinstance(self.content, str) else b""

    def text(self, name: str, default: str = "") -> str:
        """Return an attribute as text."""
        value = self.attrs.get(name)
        return default if value is None else str(value)

    def jid(self, name: str) -> JID | None:
        """Return an attribute that is an address, or nothing when it is absent or only text."""
        value = self.attrs.get(name)
        return value if isinstance(value, JID) else None
