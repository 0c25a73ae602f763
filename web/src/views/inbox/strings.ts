import { defineStrings } from "~/i18n/strings";

export const words = defineStrings({
  en: {
    title: "Inbox",
    soon: "This part is being built",
  },
  "pt-BR": {
    title: "Conversas",
    soon: "Esta parte está em construção",
  },
});
