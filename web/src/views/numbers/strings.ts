import { defineStrings } from "~/i18n/strings";

export const words = defineStrings({
  en: { title: "Numbers" },
  "pt-BR": { title: "Números" },
});
