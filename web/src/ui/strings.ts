import { defineStrings } from "~/i18n/strings";

export const words = defineStrings({
  en: {
    cancel: "Cancel",
    clear: "Clear",
    close: "Close",
    copied: "Copied",
    discard: "Close",
    discardText: "What you typed is lost.",
    discardTitle: "Close without saving?",
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
    discard: "Fechar",
    discardText: "O que você digitou se perde.",
    discardTitle: "Fechar sem salvar?",
    hidePassword: "Ocultar a senha",
    loading: "Carregando",
    news: "Avisos",
    retry: "Tentar de novo",
    showPassword: "Mostrar a senha",
  },
});
