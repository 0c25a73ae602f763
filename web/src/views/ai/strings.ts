import { defineStrings } from "~/i18n/strings";

export const words = defineStrings({
  en: {
    title: "AI",
    soon: "This part is being built",
  },
  "pt-BR": {
    title: "IA",
    soon: "Esta parte está em construção",
  },
});
