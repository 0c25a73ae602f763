/**
 * What is wrong with a field, by the stable code that the API gives beside its own English sentence. A code that is not
 * here, and `invalid`, are said in the API's words.
 */
import { currentLocale, type Locale } from "./locale";

export interface FieldFault {
  code: string;
  message: string;
  limits: Readonly<Record<string, number>>;
}

type Says = string | ((number: (name: string) => string) => string);

const ENGLISH: Record<string, Says> = {
  missing: "This is needed.",
  string_too_short: (n) =>
    n("min_length") === "1" ? "This is needed." : `At least ${n("min_length")} characters.`,
  string_too_long: (n) => `At most ${n("max_length")} characters.`,
  too_short: (n) => `At least ${n("min_length")}.`,
  too_long: (n) => `At most ${n("max_length")}.`,
  greater_than_equal: (n) => `At least ${n("ge")}.`,
  greater_than: (n) => `More than ${n("gt")}.`,
  less_than_equal: (n) => `At most ${n("le")}.`,
  less_than: (n) => `Less than ${n("lt")}.`,
  int_type: "A whole number.",
  int_parsing: "A whole number.",
  int_from_float: "A whole number.",
  float_type: "A number.",
  float_parsing: "A number.",
  phone: "This is no phone number. Write it with + and the country code, such as +55 11 99999-0001.",
  string_pattern_mismatch: "This has a form, or characters, that cannot be taken here.",
  typing_order: "The shortest typing time is above the longest one.",
  text_needed: "The fixed text is missing.",
};

const PORTUGUESE: Record<string, Says> = {
  missing: "Preencha este campo.",
  string_too_short: (n) =>
    n("min_length") === "1" ? "Preencha este campo." : `Pelo menos ${n("min_length")} caracteres.`,
  string_too_long: (n) => `No máximo ${n("max_length")} caracteres.`,
  too_short: (n) => `Pelo menos ${n("min_length")}.`,
  too_long: (n) => `No máximo ${n("max_length")}.`,
  greater_than_equal: (n) => `Pelo menos ${n("ge")}.`,
  greater_than: (n) => `Mais que ${n("gt")}.`,
  less_than_equal: (n) => `No máximo ${n("le")}.`,
  less_than: (n) => `Menos que ${n("lt")}.`,
  int_type: "Um número inteiro.",
  int_parsing: "Um número inteiro.",
  int_from_float: "Um número inteiro.",
  float_type: "Um número.",
  float_parsing: "Um número.",
  bool_type: "Sim ou não.",
  literal_error: "Escolha uma das opções.",
  extra_forbidden: "Este campo não existe.",
  string_pattern_mismatch: "Há aqui um formato, ou caracteres, que não são aceitos.",
  address_refused: "Este endereço não pode ser usado; veja PROSA_OUTGOING_PRIVATE_ADDRESSES.",
  unknown_event: "Não existe um evento com este nome.",
  unknown_number: "Este número não existe mais; escolha outro.",
  header_taken: "O próprio Prosa define este cabeçalho; escolha outro.",
  header_twice: "Um cabeçalho aparece duas vezes; maiúsculas não fazem diferença.",
  headers_wanted: "O endereço é de outro servidor: informe os cabeçalhos de novo, ou remova-os.",
  address_not_taken:
    "Este provedor só é consultado no endereço dele; para um servidor que fala a API da OpenAI, use openai-chat.",
  contact: "Escreva um telefone (+55 11 99999-0001) ou o endereço de um contato ou grupo.",
  contact_pattern:
    "Escreva um telefone com código do país (+55 11 99999-0001), o começo ou o fim dele com * (5511*, *0001), ou um endereço do WhatsApp.",
  duplicate: "Outra resposta frequente já cuida desta pergunta.",
  empty_file: "O arquivo está vazio.",
  holiday: "Escreva datas como 2026-12-25, ou 12-25 para todos os anos.",
  interval: "Escreva horários como 09:00-18:00; 22:00-02:00 vai até o dia seguinte.",
  interval_empty: "Abertura e fechamento devem diferir; o dia inteiro é 00:00-24:00.",
  hours_missing: "Dê ao menos um horário em que está aberto, ou desligue o horário de atendimento.",
  intervals_overlap: "Os horários deste dia se sobrepõem; junte-os em um só.",
  json_schema: 'Deve ser um esquema JSON com "type": "object" e "properties".',
  json_schema_long: (n) => `O esquema JSON tem no máximo ${n("max_length")} caracteres.`,
  key: "Só letras, dígitos e sinais, sem espaços.",
  no_words: "É preciso ao menos uma letra ou um dígito.",
  past: "Deve ser um momento que ainda virá.",
  phone: "Este telefone não é válido. Escreva com + e o código do país, como +55 11 99999-0001.",
  taken: "Este nome já está em uso.",
  text_needed: "Falta o texto fixo.",
  time_zone: "Escolha um fuso horário da lista, como America/Sao_Paulo.",
  too_far: "Deve ser dentro de um ano.",
  typing_order: "O menor tempo de digitação está acima do maior.",
  wrong_password: "A senha está errada.",
};

export function fieldText(fault: FieldFault, locale: Locale = currentLocale()): string {
  const says = (locale === "pt-BR" ? PORTUGUESE : ENGLISH)[fault.code];
  if (typeof says === "string") return says;
  let known = true;
  const number = (name: string) => {
    const limit = fault.limits?.[name];
    known &&= limit !== undefined;
    return (limit ?? 0).toLocaleString(locale);
  };
  const said = says?.(number);
  return said && known ? said : fault.message;
}
