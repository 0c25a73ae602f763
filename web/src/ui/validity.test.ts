import { expect, it } from "vitest";
import { validityText } from "./validity";

it("says what the browser finds in the language that was chosen", () => {
  const found = (locale: "en" | "pt-BR") => {
    return [
      validityText({ valueMissing: true, tooShort: true }, { minLength: 10 }, locale),
      validityText({ typeMismatch: true }, { type: "email" }, locale),
      validityText({ typeMismatch: true }, { type: "url" }, locale),
      validityText({ tooShort: true }, { type: "password", minLength: 10 }, locale),
      validityText({ tooLong: true }, { maxLength: 5 }, locale),
      validityText({ badInput: true }, { type: "number" }, locale),
    ];
  };
  expect(found("en")).toEqual([
    "This is needed.",
    "Write an e-mail address, such as ana@example.com.",
    "Write a whole address, such as https://example.com.",
    "At least 10 characters.",
    "At most 5 characters.",
    "This cannot be read. Write it anew.",
  ]);
  expect(found("pt-BR")).toEqual([
    "Preencha este campo.",
    "Escreva um endereço de e-mail, como ana@exemplo.com.br.",
    "Escreva um endereço inteiro, como https://exemplo.com.br.",
    "Pelo menos 10 caracteres.",
    "No máximo 5 caracteres.",
    "Não foi possível ler isto. Escreva de novo.",
  ]);
});

it("leaves to the browser, or to who checked, what only they can say", () => {
  expect(validityText({}, { type: "text" }, "en")).toBeNull();
  expect(validityText({ typeMismatch: true }, {}, "en")).toBeNull();
});
