/** Texts as WhatsApp shows them: *bold*, _italic_, ~struck out~, `code`, ```code of several lines```, and links. */

export type Mark = "strong" | "em" | "s" | "code";
export type Piece = string | { href: string } | { mark: Mark; inside: readonly Piece[] };

const MARKS: Readonly<Record<string, Mark>> = { "*": "strong", _: "em", "~": "s" };
/** Of a marked text, so that a message of nothing but stars is looked through in a moment. */
const LONGEST = 1000;
/**
 * What comes first of: code, code of one line, a link, a mark. A mark stands at the edge of a word and touches what it
 * marks, so that 2*3*4, snake_case and a list's stars stay as they are.
 */
const NEXT = new RegExp(
  [
    "```(?<block>[^]+?)```",
    "`(?<code>[^`\\n]+)`",
    `(?<href>https?://[^\\s<>"]+[^\\s<>".,;:!?)\\]])`,
    `(?<![\\p{L}\\p{N}])(?<mark>[*_~])(?!\\s|\\k<mark>)(?<inside>[^\\n]{0,${LONGEST}}?\\S)\\k<mark>(?![\\p{L}\\p{N}])`,
  ].join("|"),
  "gu",
);

/** Cut a text at its links and marks. */
export function formatted(text: string): Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  for (const found of text.matchAll(NEXT)) {
    if (found.index > end) pieces.push(text.slice(end, found.index));
    const { block, code, href, mark, inside } = found.groups ?? {};
    if (href) pieces.push({ href });
    else if (mark && inside) pieces.push({ mark: MARKS[mark] ?? "em", inside: formatted(inside) });
    else pieces.push({ mark: "code", inside: [block ?? code ?? ""] });
    end = found.index + found[0].length;
  }
  if (end < text.length) pieces.push(text.slice(end));
  return pieces;
}

/** The same in one line, without its signs: for previews. */
export function plain(pieces: readonly Piece[]): string {
  return pieces
    .map((piece) => (typeof piece === "string" ? piece : "href" in piece ? piece.href : plain(piece.inside)))
    .join("");
}
