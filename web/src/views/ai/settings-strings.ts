import { defineStrings } from "~/i18n/strings";

/** Of each setting: its label, and a hint where the label does not say all. */
export const words = defineStrings({
  en: {
    range: (min: number, max: number, whole: boolean) =>
      `A ${whole ? "whole number" : "number"} between ${min.toLocaleString("en")} and ${max.toLocaleString("en")}.`,
    percentRange: (min: number, max: number) => `A percentage between ${min} and ${max}.`,
    models: {
      add: "Add a model",
      name: "Model to add",
      none: "None: where the model is away, Prosa tries it again.",
      up: (name: string) => `Ask ${name} earlier`,
      down: (name: string) => `Ask ${name} later`,
      remove: (name: string) => `Remove ${name}`,
    },
    fields: {
      ai_enabled: ["The AI answers on this number", "When off, messages are stored and nobody is answered."],
      instructions: [
        "Instructions",
        "Who the AI speaks for, what it should know, how it should sound, what it must not do. It answers in the contact's language unless you say another one here.",
      ],
      model: ["Model", "Such as gemini-3.5-flash-lite, or provider:model. Empty: the installation's model."],
      fallback_models: [
        "Models to ask where this one is not available",
        "In this order: when it is slowed down, away, or without a key.",
      ],
      max_answer_tokens: ["Longest answer, in tokens", "A token is about four characters."],
      "context.window_tokens": [
        "Recent messages the model reads word by word, in tokens",
        "Older ones go into the summary. Shorter is cheaper.",
      ],
      "context.keep_messages": ["Newest messages that are never summarised"],
      "context.summary": ["Older messages"],
      "context.summary_tokens": ["Longest summary, in tokens"],
      "context.summary_model": ["Model that summarises", "Empty: the one that answers."],

      debounce_seconds: ["Wait for more messages, in seconds", "Quick messages in a row get one answer."],
      debounce_max_seconds: ["Longest such wait, in seconds", "Counted from the first message."],
      "turns.when_overtaken": ["When a message arrives while an answer is being made"],
      "turns.catch_up_minutes": [
        "Skip messages older than, in minutes",
        "After Prosa or the number was away. 0: nothing that came meanwhile is answered. Empty: everything is, however old.",
      ],
      "turns.failure_message": [
        "Message when no answer could be made",
        "Sent once, after the last try. Empty: nothing is sent.",
      ],
      "turns.most_tries": ["Tries before a person must look"],
      "turns.most_parallel": ["Answers made at the same time"],

      "takeover.pause_minutes_after_person": [
        "Silence after a person writes, in minutes",
        "Counted anew with each message of a person. 0: only what the person answered is left alone.",
      ],
      "takeover.stop_keywords": [
        "Words that stop the AI",
        "One a line; a contact's whole message. Case and accents do not matter.",
      ],
      "takeover.stop_minutes": [
        "How long such a word stops it, in minutes",
        "Empty: until somebody resumes it.",
      ],
      "takeover.stop_reply": ["Reply to such a word", "Empty: nothing is sent."],
      "takeover.resume_keywords": ["Words that bring the AI back", "One a line."],
      "takeover.resume_reply": ["Reply to such a word", "Empty: the AI answers it."],
      "takeover.phone_autoreplies": [
        "Automatic replies of the phone",
        "One a line, word for word; * at the end for any ending. They do not pause the AI.",
      ],
      "takeover.detect_phone_greeting": [
        "Recognise the phone's greeting by itself",
        "The WhatsApp Business greeting does not pause the AI.",
      ],

      "audience.groups": ["Groups"],
      "audience.ignored": [
        "Never answered",
        "One a line: phone numbers or WhatsApp addresses. * at the beginning or end stands for anything.",
      ],

      show_typing: ["Show “typing …”"],
      "sending.show_online": [
        "Show the number as online while you look at its conversations",
        "Only then WhatsApp tells who is typing; the phone may ring less meanwhile.",
      ],
      mark_read: ["Mark messages as read when they are answered"],
      "sending.typing_ms_per_char": [
        "Typing pace, in milliseconds a character",
        "0: answers go out at once.",
      ],
      "sending.typing_min_seconds": ["Shortest typing time, in seconds"],
      "sending.typing_max_seconds": ["Longest typing time, in seconds"],
      "sending.jitter": ["Variation of times", "So that answers do not come like clockwork. 0: none."],
      "sending.split": ["Send long answers as several messages"],
      "sending.bubble_chars": ["Characters of one message"],
      "sending.most_bubbles": ["Messages of one answer at most"],
      "sending.messages_per_minute": ["Messages a minute at most", "Replies go first. Empty: no limit."],
      "sending.new_contacts_per_day": [
        "New contacts written to a day at most",
        "Contacts who never wrote to this number. Replies never count. Empty: no limit.",
      ],
      "sending.rate_limit_pause_seconds": [
        "Pause when WhatsApp says “too fast”, in seconds",
        "Doubled each time, up to an hour.",
      ],
      "sending.expire_hours": [
        "Give up on messages after, in hours",
        "Empty: they are sent whenever that is possible.",
      ],

      "understanding.voice": ["Listen to voice messages"],
      "understanding.images": ["Look at pictures"],
      "understanding.documents": ["Read PDF documents"],
      "understanding.videos": ["Watch videos", "Costs most: by the second."],
      "understanding.max_mb": ["Largest file, in MiB"],
      "understanding.max_seconds": ["Longest sound or video, in seconds"],
      "understanding.otherwise": ["After a file that it cannot take"],
      "understanding.otherwise_text": ["The fixed text"],

      "abilities.hand_over": [
        "Hand over to a person",
        "Where the contact asks for one, or the AI cannot help. It is silent there from then on.",
      ],
      "abilities.hand_over_minutes": [
        "For how long it is silent then, in minutes",
        "Empty: until somebody resumes it.",
      ],
      "abilities.remind": ["Set reminders", "A message to the contact at a time that both agreed on."],

      "budget.reply_usd": ["One answer, in US dollars", "Prompt and answer are cut to it."],
      "budget.reply_tokens": ["One answer, in tokens", "At least 500. Prompt and answer together."],
      "budget.conversation_usd": ["A conversation a month, in US dollars"],
      "budget.conversation_tokens": ["A conversation a month, in tokens"],
      "budget.number_usd": ["This number a month, in US dollars"],
      "budget.number_tokens": ["This number a month, in tokens"],
      "budget.alert_share": [
        "Tell programs at this share of a month's budget",
        "Prosa sends the event budget.alert then, and again when nothing is left. For one reply: when a call comes so near its limit, once a month.",
      ],
      "budget.message": [
        "Message when a budget is used up",
        "The AI stops. A contact who writes gets this once a month. Empty: nothing is sent.",
      ],

      "hours.enabled": ["Keep business hours"],
      "hours.outside": ["Outside these hours"],
      "hours.message": [
        "Message outside these hours",
        "Once in each conversation until you open again. Empty: nothing is sent.",
      ],
      "hours.holidays": ["Holidays", "One a line: 2026-12-25, or 12-25 for every year."],

      "frequent.mode": ["Frequent answers"],
      "frequent.threshold": ["How near a question must be", "0 to 2. Higher: fewer and surer answers."],
      "frequent.margin": ["How much nearer than to the second best", "The report shows what a choice costs."],
      "frequent.embeddings": ["What compares meanings"],
      "frequent.exact_minutes": [
        "Give the AI's answer again to the same words for, in minutes",
        "Only to questions that stand alone. 0: never.",
      ],

      "knowledge.enabled": ["The AI uses these documents"],
      "knowledge.whole_tokens": [
        "Documents up to this size go whole into every prompt, in tokens",
        "Of more, only what fits the question.",
      ],
      "knowledge.passage_tokens": ["Most that is found for a question, in tokens"],
      "knowledge.embeddings": ["Find by meaning too"],
    },
    choices: {
      "context.summary": {
        model: "A model notes what matters",
        extract: "Keep figures, dates and names",
        off: "Forget them",
      },
      "turns.when_overtaken": { answer: "It is answered afterwards", restart: "One answer for both" },
      "audience.groups": { off: "Not answered", mentioned: "When mentioned", on: "Every message" },
      "understanding.otherwise": { model: "The AI asks for words", text: "A fixed text", silence: "Nothing" },
      "hours.outside": { silence: "The AI is silent", ai: "The AI answers" },
      "frequent.mode": { off: "Off", shadow: "Watch only", on: "On" },
      "frequent.embeddings": { local: "This machine", gemini: "Gemini" },
      "knowledge.embeddings": { off: "By words alone", local: "This machine", gemini: "Gemini" },
    },
  },
  "pt-BR": {
    range: (min, max, whole) =>
      `Um número ${whole ? "inteiro " : ""}entre ${min.toLocaleString("pt-BR")} e ${max.toLocaleString("pt-BR")}.`,
    percentRange: (min, max) => `Uma porcentagem entre ${min} e ${max}.`,
    models: {
      add: "Adicionar modelo",
      name: "Modelo a adicionar",
      none: "Nenhum: quando o modelo está fora, o Prosa tenta de novo.",
      up: (name) => `Perguntar antes a ${name}`,
      down: (name) => `Perguntar depois a ${name}`,
      remove: (name) => `Remover ${name}`,
    },
    fields: {
      ai_enabled: [
        "A IA responde neste número",
        "Desligada, as mensagens são guardadas e ninguém recebe resposta.",
      ],
      instructions: [
        "Instruções",
        "Por quem a IA fala, o que ela deve saber, que tom deve ter, o que não deve fazer. Ela responde no idioma do contato, a menos que você diga outro aqui.",
      ],
      model: ["Modelo", "Como gemini-3.5-flash-lite, ou provedor:modelo. Vazio: o modelo da instalação."],
      fallback_models: [
        "Modelos a usar quando este não está disponível",
        "Nesta ordem: quando ele está lento, fora do ar ou sem chave.",
      ],
      max_answer_tokens: ["Maior resposta, em tokens", "Um token tem cerca de quatro caracteres."],
      "context.window_tokens": [
        "Mensagens recentes que o modelo lê palavra por palavra, em tokens",
        "As mais antigas vão para o resumo. Menos é mais barato.",
      ],
      "context.keep_messages": ["Mensagens mais novas que nunca são resumidas"],
      "context.summary": ["Mensagens antigas"],
      "context.summary_tokens": ["Maior resumo, em tokens"],
      "context.summary_model": ["Modelo que resume", "Vazio: o mesmo que responde."],

      debounce_seconds: [
        "Esperar por mais mensagens, em segundos",
        "Mensagens rápidas em sequência recebem uma resposta só.",
      ],
      debounce_max_seconds: ["Maior espera, em segundos", "Contada desde a primeira mensagem."],
      "turns.when_overtaken": ["Quando chega uma mensagem enquanto uma resposta é escrita"],
      "turns.catch_up_minutes": [
        "Pular mensagens mais antigas que, em minutos",
        "Depois que o Prosa ou o número ficou fora. 0: nada do que chegou nesse tempo é respondido. Vazio: tudo é, por mais antigo que seja.",
      ],
      "turns.failure_message": [
        "Mensagem quando não houve resposta",
        "Enviada uma vez, após a última tentativa. Vazio: nada é enviado.",
      ],
      "turns.most_tries": ["Tentativas antes de precisar de uma pessoa"],
      "turns.most_parallel": ["Respostas escritas ao mesmo tempo"],

      "takeover.pause_minutes_after_person": [
        "Silêncio depois que uma pessoa escreve, em minutos",
        "Recontado a cada mensagem de uma pessoa. 0: só não responde o que a pessoa já respondeu.",
      ],
      "takeover.stop_keywords": [
        "Palavras que param a IA",
        "Uma por linha; a mensagem inteira do contato. Maiúsculas e acentos não importam.",
      ],
      "takeover.stop_minutes": [
        "Por quanto tempo essa palavra a para, em minutos",
        "Vazio: até alguém retomar.",
      ],
      "takeover.stop_reply": ["Resposta a essa palavra", "Vazio: nada é enviado."],
      "takeover.resume_keywords": ["Palavras que trazem a IA de volta", "Uma por linha."],
      "takeover.resume_reply": ["Resposta a essa palavra", "Vazio: a própria IA responde."],
      "takeover.phone_autoreplies": [
        "Respostas automáticas do celular",
        "Uma por linha, palavra por palavra; * no fim vale por qualquer final. Elas não pausam a IA.",
      ],
      "takeover.detect_phone_greeting": [
        "Reconhecer sozinha a saudação do celular",
        "A saudação do WhatsApp Business não pausa a IA.",
      ],

      "audience.groups": ["Grupos"],
      "audience.ignored": [
        "Nunca respondidos",
        "Um por linha: telefones ou endereços do WhatsApp. * no começo ou no fim vale por qualquer coisa.",
      ],

      show_typing: ["Mostrar “digitando …”"],
      "sending.show_online": [
        "Mostrar o número online enquanto você olha as conversas",
        "Só assim o WhatsApp diz quem está digitando; o celular pode tocar menos nesse tempo.",
      ],
      mark_read: ["Marcar as mensagens como lidas ao responder"],
      "sending.typing_ms_per_char": [
        "Ritmo de digitação, em milissegundos por caractere",
        "0: as respostas saem na hora.",
      ],
      "sending.typing_min_seconds": ["Menor tempo de digitação, em segundos"],
      "sending.typing_max_seconds": ["Maior tempo de digitação, em segundos"],
      "sending.jitter": [
        "Variação dos tempos",
        "Para que as respostas não saiam como um relógio. 0: nenhuma.",
      ],
      "sending.split": ["Enviar respostas longas em várias mensagens"],
      "sending.bubble_chars": ["Caracteres de cada mensagem"],
      "sending.most_bubbles": ["Máximo de mensagens por resposta"],
      "sending.messages_per_minute": [
        "Máximo de mensagens por minuto",
        "As respostas vão primeiro. Vazio: sem limite.",
      ],
      "sending.new_contacts_per_day": [
        "Máximo de contatos novos por dia",
        "Quem nunca escreveu a este número. Respostas não contam. Vazio: sem limite.",
      ],
      "sending.rate_limit_pause_seconds": [
        "Pausa quando o WhatsApp diz “rápido demais”, em segundos",
        "Dobra a cada vez, até uma hora.",
      ],
      "sending.expire_hours": [
        "Desistir de uma mensagem depois de, em horas",
        "Vazio: é enviada quando for possível.",
      ],

      "understanding.voice": ["Ouvir mensagens de voz"],
      "understanding.images": ["Ver imagens"],
      "understanding.documents": ["Ler documentos PDF"],
      "understanding.videos": ["Assistir a vídeos", "É o que mais custa: por segundo."],
      "understanding.max_mb": ["Maior arquivo, em MiB"],
      "understanding.max_seconds": ["Maior áudio ou vídeo, em segundos"],
      "understanding.otherwise": ["Depois de um arquivo que ela não pode abrir"],
      "understanding.otherwise_text": ["O texto fixo"],

      "abilities.hand_over": [
        "Passar para uma pessoa",
        "Quando o contato pede, ou quando a IA não pode ajudar. A partir daí ela fica em silêncio ali.",
      ],
      "abilities.hand_over_minutes": [
        "Por quanto tempo ela fica em silêncio, em minutos",
        "Vazio: até alguém retomar.",
      ],
      "abilities.remind": ["Criar lembretes", "Uma mensagem ao contato na hora que os dois combinaram."],

      "budget.reply_usd": ["Uma resposta, em dólares", "O pedido e a resposta são cortados para caber."],
      "budget.reply_tokens": ["Uma resposta, em tokens", "Pelo menos 500. Pedido e resposta somados."],
      "budget.conversation_usd": ["Uma conversa por mês, em dólares"],
      "budget.conversation_tokens": ["Uma conversa por mês, em tokens"],
      "budget.number_usd": ["Este número por mês, em dólares"],
      "budget.number_tokens": ["Este número por mês, em tokens"],
      "budget.alert_share": [
        "Avisar programas a esta parte do orçamento do mês",
        "O Prosa envia então o evento budget.alert, e outra vez quando não resta nada. Para uma resposta: quando uma chamada chega tão perto do limite, uma vez por mês.",
      ],
      "budget.message": [
        "Mensagem quando um orçamento acaba",
        "A IA para. Quem escreve recebe isto uma vez por mês. Vazio: nada é enviado.",
      ],

      "hours.enabled": ["Seguir um horário de atendimento"],
      "hours.outside": ["Fora desse horário"],
      "hours.message": [
        "Mensagem fora do horário",
        "Uma vez em cada conversa até reabrir. Vazio: nada é enviado.",
      ],
      "hours.holidays": ["Feriados", "Um por linha: 2026-12-25, ou 12-25 para todos os anos."],

      "frequent.mode": ["Respostas frequentes"],
      "frequent.threshold": [
        "O quanto a pergunta deve ser parecida",
        "De 0 a 2. Maior: menos respostas, e mais seguras.",
      ],
      "frequent.margin": [
        "O quanto mais que com a segunda melhor",
        "O relatório mostra o efeito da escolha.",
      ],
      "frequent.embeddings": ["O que compara os significados"],
      "frequent.exact_minutes": [
        "Repetir a resposta da IA às mesmas palavras por, em minutos",
        "Só a perguntas que se bastam. 0: nunca.",
      ],

      "knowledge.enabled": ["A IA usa estes documentos"],
      "knowledge.whole_tokens": [
        "Documentos até este tamanho vão inteiros em cada pedido, em tokens",
        "De mais que isso, só o que serve à pergunta.",
      ],
      "knowledge.passage_tokens": ["Máximo que se busca para uma pergunta, em tokens"],
      "knowledge.embeddings": ["Buscar também pelo significado"],
    },
    choices: {
      "context.summary": {
        model: "Um modelo anota o que importa",
        extract: "Guardar números, datas e nomes",
        off: "Esquecer",
      },
      "turns.when_overtaken": { answer: "Ela é respondida depois", restart: "Uma resposta para as duas" },
      "audience.groups": { off: "Sem resposta", mentioned: "Quando mencionada", on: "Toda mensagem" },
      "understanding.otherwise": { model: "A IA pede palavras", text: "Um texto fixo", silence: "Nada" },
      "hours.outside": { silence: "A IA fica em silêncio", ai: "A IA responde" },
      "frequent.mode": { off: "Desligadas", shadow: "Só observar", on: "Ligadas" },
      "frequent.embeddings": { local: "Esta máquina", gemini: "Gemini" },
      "knowledge.embeddings": { off: "Só pelas palavras", local: "Esta máquina", gemini: "Gemini" },
    },
  },
});
