/** The newest message of a conversation as one line. */
import { formatted, plain } from "./formatted";

/** By what the API marks them with, files that have no words of their own: a picture alone says little. */
const KINDS: Readonly<Record<string, string>> = {
  "📷": "image",
  "🎤": "audio",
  "🎥": "video",
  "📄": "document",
  "💟": "sticker",
  "📍": "location",
  "👤": "contact",
  "📊": "poll",
};

/** The line as it is shown; `types`: what each kind of message is called. */
export function previewText(line: string | null, types: Readonly<Record<string, string>>): string {
  const name = types[KINDS[line ?? ""] ?? ""];
  return name ? `${line} ${name}` : plain(formatted(line ?? ""));
}
