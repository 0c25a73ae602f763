import { expect, it } from "vitest";
import { previewText } from "./preview";

const types = { image: "Picture", audio: "Audio" };

it.each([
  ["📷", "📷 Picture"],
  ["📷 our shop", "📷 our shop"],
  ["*Sunday* at 8", "Sunday at 8"],
  ["👍", "👍"],
  [null, ""],
])("%s is shown as %s", (line, shown) => expect(previewText(line, types)).toBe(shown));
