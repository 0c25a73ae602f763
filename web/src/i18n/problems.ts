/**
 * What the API's problems say to a person. English has the API's own words; Portuguese knows the codes that a console
 * meets, and falls back to the API's words for others.
 */
import { type ApiProblem, asProblem } from "~/api/problem";
import { currentLocale, type Locale, useLocale } from "./locale";

export interface ProblemText {
  title: string;
  detail?: string | undefined;
  remedy?: string | undefined;
}

type Known = Record<string, { title: string; detail?: string; remedy?: string }>;

const ENGLISH: Known = {
  offline: {
    title: "Prosa cannot be reached",
    remedy: "Check that Prosa runs and that this device is online.",
  },
  interrupted: { title: "The page was loaded anew before Prosa had it." },
  internal_error: { title: "Something went wrong in Prosa", remedy: "Try again; the log says more." },
  console_error: { title: "Something went wrong in this page", remedy: "Reload the page." },
  not_authenticated: { title: "You are not signed in", remedy: "Sign in." },
  sign_in_ended: { title: "This sign-in has ended", remedy: "Sign in again." },
  not_found: { title: "This is not here any more", detail: "", remedy: "Go back and look at the list anew." },
  never_linked: {
    title: "The number is not linked yet",
    detail: "Nothing can be sent from it before it is linked to a WhatsApp account.",
    remedy: "Link it under Numbers, then send again.",
  },
  no_api_key: {
    title: "No key of the model",
    detail: "No API key is set. Add one under Settings, Model keys.",
    remedy: "",
  },
};

const PORTUGUESE: Known = {
  offline: {
    title: "Não foi possível falar com o Prosa",
    remedy: "Verifique se o Prosa está rodando e se este aparelho está conectado à rede.",
  },
  interrupted: { title: "A página foi recarregada antes de o Prosa a receber." },
  internal_error: { title: "Algo deu errado no Prosa", remedy: "Tente de novo; o registro (log) diz mais." },
  console_error: { title: "Algo deu errado nesta página", remedy: "Recarregue a página." },
  invalid_input: { title: "Há algo a corrigir", remedy: "Corrija os campos indicados e envie de novo." },
  not_authenticated: { title: "Você não está conectado", remedy: "Entre com sua conta." },
  wrong_credentials: {
    title: "E-mail ou senha incorretos",
    detail: "",
    remedy: "Tente de novo; um proprietário pode definir uma nova senha.",
  },
  sign_in_ended: { title: "Seu acesso expirou", remedy: "Entre de novo." },
  already_set_up: {
    title: "Esta instalação já tem um proprietário",
    detail: "",
    remedy: "Entre com sua conta.",
  },
  forbidden: { title: "Você não tem permissão para isso", detail: "", remedy: "Peça a um proprietário." },
  not_found: { title: "Isto não existe mais", detail: "", remedy: "Volte e atualize a lista." },
  conflict: { title: "Isto não combina com o estado atual" },
  email_taken: { title: "Este e-mail já está em uso", detail: "" },
  last_owner: { title: "É preciso haver ao menos um proprietário", detail: "" },
  too_many_requests: {
    title: "Tentativas demais",
    detail: "",
    remedy: "Espere um pouco antes de tentar de novo.",
  },
  unavailable: { title: "Indisponível no momento", remedy: "Tente de novo em instantes." },
  too_large: { title: "O arquivo é grande demais", detail: "" },
  budget_used_up: {
    title: "O orçamento acabou",
    detail: "Aumente o orçamento deste número, em IA, ou o seu, em Uso.",
    remedy: "",
  },
  no_api_key: {
    title: "Falta a chave do modelo",
    detail: "Nenhuma chave de API está definida. Adicione uma em Ajustes, Chaves de modelos.",
    remedy: "",
  },
  bad_api_key: {
    title: "A chave do modelo foi recusada",
    detail: "O provedor recusou a chave de API. Confira-a em Ajustes, Chaves de modelos.",
    remedy: "",
  },
  bad_model: {
    title: "Este modelo não pode ser usado",
    detail: "O modelo não existe ou não pode ser consultado. Escolha outro em Modelo e memória.",
    remedy: "",
  },
  quota_exceeded: {
    title: "A cota da chave acabou",
    detail: "A cota ou o crédito da chave de API acabou. Veja o plano e a cobrança no provedor.",
    remedy: "",
  },
  rate_limited: {
    title: "O provedor pede para ir mais devagar",
    detail: "O provedor do modelo pede para ir mais devagar. Tente de novo em instantes.",
    remedy: "",
  },
  provider_unavailable: {
    title: "O provedor não responde",
    detail: "O provedor do modelo não está disponível. Tente de novo em instantes.",
    remedy: "",
  },
  blocked: {
    title: "O filtro do provedor bloqueou",
    detail: "O filtro de segurança do provedor bloqueou a pergunta ou a resposta.",
    remedy: "",
  },
  empty_answer: {
    title: "O modelo não disse nada",
    detail: "O modelo respondeu sem texto. Tente de novo.",
    remedy: "",
  },
  nonsense: {
    title: "O modelo não respondeu",
    detail: "O modelo repetiu suas próprias instruções em vez de responder. Tente de novo.",
    remedy: "",
  },
  prompt_too_long: {
    title: "É texto demais para o modelo",
    detail: "As instruções e mensagens são longas demais para o modelo. Encurte as instruções ou o contexto.",
    remedy: "",
  },
  rejected: {
    title: "O provedor recusou o pedido",
    detail: "O provedor recusou o pedido. O registro (log) diz por quê.",
    remedy: "",
  },
  never_linked: {
    title: "O número ainda não está conectado",
    detail: "Nada pode ser enviado por ele antes de conectá-lo a uma conta do WhatsApp.",
    remedy: "Conecte-o em Números e envie de novo.",
  },
  on_its_way: {
    title: "A mensagem já está a caminho",
    detail: "",
    remedy: "Tente quando ela tiver sido enviada.",
  },
  too_many_api_keys: {
    title: "Há chaves de API demais",
    detail: "Uma pessoa tem no máximo 50.",
    remedy: "Revogue uma que nenhum programa usa.",
  },
  too_late: { title: "É tarde demais para isso", detail: "", remedy: "" },
  media_gone: { title: "O WhatsApp não tem mais este arquivo", detail: "", remedy: "" },
  file_unavailable: {
    title: "O arquivo não está disponível",
    detail: "",
    remedy: "Tente de novo mais tarde.",
  },
};

export function problemText(error: unknown, locale: Locale = currentLocale()): ProblemText {
  const problem: ApiProblem = asProblem(error);
  const known = (locale === "pt-BR" ? PORTUGUESE : ENGLISH)[problem.code];
  const said = problem.problem;
  return {
    title: known?.title ?? said?.title ?? ENGLISH.internal_error?.title ?? problem.code,
    detail: (known?.detail ?? said?.detail) || undefined,
    remedy: (known?.remedy ?? said?.remedy) || undefined,
  };
}

export function useProblemText(error: unknown): ProblemText {
  return problemText(error, useLocale());
}
