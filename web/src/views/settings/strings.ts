import { defineStrings } from "~/i18n/strings";

export const words = defineStrings({
  en: { title: "Settings" },
  "pt-BR": { title: "Ajustes" },
});
