import { defineStrings } from "~/i18n/strings";

export const words = defineStrings({
  en: {
    cancel: "Cancel",
    clear: "Clear",
    close: "Close",
    copied: "Copied",
    hidePassword: "Hide password",
    loading: "Loading",
    news: "Notifications",
    retry: "Try again",
    showPassword: "Show password",
  },
  "pt-BR": {
    cancel: "Cancelar",
    clear: "Limpar",
    close: "Fechar",
    copied: "Copiado",
    hidePassword: "Ocultar a senha",
    loading: "Carregando",
    news: "Avisos",
    retry: "Tentar de novo",
    showPassword: "Mostrar a senha",
  },
});
