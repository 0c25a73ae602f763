import { defineStrings } from "~/i18n/strings";

export const words = defineStrings({
  en: {
    title: "Usage",
    soon: "This part is being built",
  },
  "pt-BR": {
    title: "Uso",
    soon: "Esta parte está em construção",
  },
});
