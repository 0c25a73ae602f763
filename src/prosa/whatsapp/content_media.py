"""What a received message says of its file or place."""

from prosa.whatsapp.engine import Json, Location, MediaInfo
from prosa.whatsapp.protojson import INT64_MAX, integer, real, string


def media_info(content: Json, default_mime: str) -> MediaInfo:
    """Read the fields that image, audio, video, document and sticker messages share."""
    name = string(content, "fileName") or string(content, "title")
    return MediaInfo(
        mime_type=string(content, "mimetype") or default_mime,
        size=integer(content, "fileLength", limit=INT64_MAX),
        file_name=name or None,
        sha256=string(content, "fileSHA256") or None,
        seconds=integer(content, "seconds"),
        width=integer(content, "width"),
        height=integer(content, "height"),
        thumbnail=string(content, "JPEGThumbnail") or None,
    )


def location(content: Json) -> Location | None:
    """Read a place; None where its coordinates are missing or impossible."""
    latitude = real(content, "degreesLatitude", limit=90)
    longitude = real(content, "degreesLongitude", limit=180)
    if latitude is None or longitude is None:
        return None
    return Location(latitude, longitude, string(content, "name") or None, string(content, "address") or None)
