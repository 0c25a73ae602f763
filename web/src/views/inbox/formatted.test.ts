import { describe, expect, it } from "vitest";
import { formatted, type Piece, plain } from "./formatted";

/** As tags, to be read in a test. */
function shown(pieces: readonly Piece[]): string {
  return pieces
    .map((piece) => {
      if (typeof piece === "string") return piece;
      if ("href" in piece) return `<a>${piece.href}</a>`;
      return `<${piece.mark}>${shown(piece.inside)}</${piece.mark}>`;
    })
    .join("");
}

describe("a message's text", () => {
  it.each([
    ["*bold* and _italic_, ~gone~", "<strong>bold</strong> and <em>italic</em>, <s>gone</s>"],
    ["*Total: R$ 48,00*", "<strong>Total: R$ 48,00</strong>"],
    ["_*both*_!", "<em><strong>both</strong></em>!"],
    ["*a* b *c*", "<strong>a</strong> b <strong>c</strong>"],
    ["(*á*)", "(<strong>á</strong>)"],
    ["run `a*b*c` now", "run <code>a*b*c</code> now"],
    ["```one\ntwo```", "<code>one\ntwo</code>"],
    ["*see https://a.example/x_y_z*", "<strong>see <a>https://a.example/x_y_z</a></strong>"],
    ["see https://a.example/x?y=1. ok", "see <a>https://a.example/x?y=1</a>. ok"],
  ])("%s", (text, expected) => expect(shown(formatted(text))).toBe(expected));

  it.each([
    "2*3*4 = 24",
    "snake_case_name",
    "* one\n* two",
    "*not\nover lines*",
    "* spaced *",
    "**",
    "****",
    "``` ",
    "javascript:alert(1)",
    "<b>no</b>",
    "",
  ])("leaves %j as it is", (text) => expect(shown(formatted(text))).toBe(text));

  it("is read without its signs in a preview", () =>
    expect(plain(formatted("*Total*: _R$ 48_, https://a.example 2*3"))).toBe(
      "Total: R$ 48, https://a.example 2*3",
    ));

  it("is cut in a moment, whatever it holds", () => {
    const began = performance.now();
    for (const evil of ["*a ", "*", "_*~", "`", "```", "https://", "*a_b~c "])
      formatted(evil.repeat(65_536 / evil.length));
    expect(performance.now() - began).toBeLessThan(3000);
  });
});
