import { describe, expect, it } from "vitest";
import { formatFor } from "./format";
import { preferred } from "./locale";
import { plural } from "./strings";

describe("language", () => {
  it.each([
    [["pt-PT", "en"], "pt-BR"],
    [["fr-FR", "en-GB"], "en"],
    [["de", "pt"], "pt-BR"],
    [[], "en"],
  ] as const)("%j is %s", (languages, locale) => {
    expect(preferred(languages)).toBe(locale);
  });

  it("counts as each language does", () => {
    expect([0, 1, 2].map((count) => plural.en(count, "message", "messages"))).toEqual([
      "messages",
      "message",
      "messages",
    ]);
    expect([0, 1, 2].map((count) => plural["pt-BR"](count, "mensagem", "mensagens"))).toEqual([
      "mensagens",
      "mensagem",
      "mensagens",
    ]);
  });
});

describe("format", () => {
  const now = new Date(2026, 4, 20, 15, 0);
  const at = (day: number, hour = 14) => new Date(2026, 4, day, hour, 5);
  const en = formatFor("en");
  const pt = formatFor("pt-BR");

  it("names days as people do", () => {
    expect([en.day(at(20), now), en.day(at(19, 23), now), en.day(at(15), now)]).toEqual([
      "Today",
      "Yesterday",
      "Friday",
    ]);
    expect(pt.day(at(2), now)).toContain("2 de maio");
    expect(pt.listTime(at(20), now)).toBe("14:05");
    expect(pt.time(at(20, 5))).toBe("05:05");
    expect(en.time(at(20, 5)).replace("\u202f", " ")).toBe("5:05 AM");
    expect(pt.listTime(at(2), now)).toBe("02/05/2026");
    expect(pt.relative(at(20, 12), now)).toBe("há 2 horas");
  });

  it("writes small costs in full", () => {
    expect(en.cost(1_234)).toBe("$0.0012");
    expect(en.cost(12_345_678)).toBe("$12.35");
    expect(en.cost(0)).toBe("$0.00");
  });

  it("counts down, and sizes files", () => {
    expect([en.countdown(299.2), en.countdown(-3)]).toEqual(["5:00", "0:00"]);
    expect(en.bytes(1_572_864)).toBe("1.5 MB");
  });
});
