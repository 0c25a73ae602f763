import { describe, expect, it } from "vitest";
import type { Session } from "~/api/types";
import { countries, fullNumber, likelyCountry } from "~/i18n/countries";
import { formatPhone } from "~/i18n/phone";
import { condition, isLinked, readAssertion, reportedBy } from "./queries";

const session = (values: Partial<Session>) =>
  ({ status: "connecting", wanted: true, jid: null, ...values }) as Session;
const JID = "551140000001:7@s.whatsapp.net";

describe("what a number's state is to a person", () => {
  it.each([
    [{ wanted: false }, "new", false],
    [{ status: "closed", wanted: false }, "new", false],
    [{ status: "closed", wanted: false, jid: JID }, "stopped", true],
    [{ status: "closed", wanted: true, jid: JID }, "closed", true],
    [{ status: "connecting", wanted: true, jid: JID }, "connecting", true],
    [{ status: "logged_out", wanted: true, jid: JID }, "logged_out", false],
    [{ status: "open", jid: JID }, "open", true],
  ] as const)("%j is %s", (values, state, linked) => {
    expect([condition(session(values)), isLinked(session(values))]).toEqual([state, linked]);
  });
});

describe("what was reported of a failure", () => {
  it.each([
    [
      "WhatsApp could not be reached (dial tcp 1.2.3.4: refused (os)); it is tried again.",
      "dial tcp 1.2.3.4: refused (os)",
    ],
    ["Prosa is stopped; the number comes back by itself when it runs again.", null],
    [null, null],
  ])("%j holds %j", (status_detail, reported) => {
    expect(reportedBy({ status_detail })).toBe(reported);
  });
});

describe("phone numbers", () => {
  it.each([
    ["5511988887777", "+55 11 98888-7777"],
    ["551140000001", "+55 11 4000-0001"],
    ["12025550123", "+1 202 555-0123"],
    ["351912345678", "+351 912 345 678"],
    ["4915112345678", "+49 151 123 456 78"],
    ["123", "123"],
  ])("%s is drawn as %s", (digits, drawn) => {
    expect(formatPhone(digits)).toBe(drawn);
  });

  it("takes what is typed, and what is pasted in full", () => {
    expect(fullNumber("55", "(11) 98888-7777")).toBe("+5511988887777");
    expect(fullNumber("55", "+351 912 345 678")).toBe("+351912345678");
    expect(fullNumber("55", "00351 912 345 678")).toBe("+351912345678");
  });

  it("guesses the country from the browser's languages", () => {
    expect(likelyCountry(["pt-PT", "en"])).toBe("PT");
    expect(likelyCountry(["pt"])).toBe("BR");
    expect(likelyCountry(["not a language"])).toBe("BR");
    expect(countries("pt-BR").find((country) => country.id === "DE")).toEqual({
      id: "DE",
      name: "Alemanha",
      code: "49",
    });
  });
});

describe("the answer of the passkey snippet", () => {
  const answer = { id: "a", rawId: "a", type: "public-key", response: { clientDataJSON: "x" } };

  it("is found in what a person pastes around it", () => {
    expect(readAssertion(` '${JSON.stringify(answer)}'\n`)).toEqual(answer);
  });

  it.each(["", "{", "}{", "{}", '{"id": 1}', "navigator.credentials"])("is not %j", (text) => {
    expect(readAssertion(text)).toBeNull();
  });
});
