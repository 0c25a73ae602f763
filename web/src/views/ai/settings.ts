import { isInterval, type Week } from "./hours";

/** Which settings of a number the view edits, and what each may be (as `SessionSettings` of the API has it). */
export type Spec =
  | {
      kind: "number";
      min: number;
      max: number;
      whole?: boolean;
      nullable?: boolean;
      /** A share of 1 that people write as a percentage. */
      percent?: boolean;
    }
  | { kind: "toggle" }
  | { kind: "choice"; options: readonly string[] }
  | { kind: "text"; max: number; rows: number; nullable?: boolean }
  | { kind: "lines"; max: number }
  | { kind: "models"; max: number };

const YEAR = 525_600; // minutes
const whole = (min: number, max: number) => ({ kind: "number", min, max, whole: true }) as const;
const wholeOrNone = (min: number, max: number) => ({ ...whole(min, max), nullable: true }) as const;
const decimal = (min: number, max: number) => ({ kind: "number", min, max }) as const;
const percent = (min: number, max: number) => ({ kind: "number", min, max, percent: true }) as const;
const dollars = { kind: "number", min: 0.000_001, max: 1_000_000, nullable: true } as const;
const toggle = { kind: "toggle" } as const;
const choice = <const O extends readonly string[]>(...options: O) => ({ kind: "choice", options }) as const;
const line = { kind: "text", max: 120, rows: 1, nullable: true } as const;
const message = { kind: "text", max: 4096, rows: 2, nullable: true } as const;
const lines = (max: number) => ({ kind: "lines", max }) as const;

export const SETTINGS = {
  ai_enabled: toggle,
  instructions: { kind: "text", max: 20_000, rows: 14 },
  model: line,
  fallback_models: { kind: "models", max: 5 },
  max_answer_tokens: whole(16, 8192),
  "context.window_tokens": whole(200, 200_000),
  "context.keep_messages": whole(1, 200),
  "context.summary": choice("model", "extract", "off"),
  "context.summary_tokens": whole(50, 4000),
  "context.summary_model": line,

  debounce_seconds: decimal(0, 3600),
  debounce_max_seconds: decimal(0, 3600),
  "turns.when_overtaken": choice("answer", "restart"),
  "turns.catch_up_minutes": wholeOrNone(0, YEAR),
  "turns.most_tries": whole(1, 20),
  "turns.most_parallel": whole(1, 1000),
  "turns.failure_message": message,

  "takeover.pause_minutes_after_person": whole(0, YEAR),
  "takeover.stop_keywords": lines(50),
  "takeover.stop_minutes": wholeOrNone(1, YEAR),
  "takeover.stop_reply": message,
  "takeover.resume_keywords": lines(50),
  "takeover.resume_reply": message,
  "takeover.phone_autoreplies": lines(50),
  "takeover.detect_phone_greeting": toggle,

  "audience.groups": choice("off", "mentioned", "on"),
  "audience.ignored": lines(1000),

  show_typing: toggle,
  "sending.show_online": toggle,
  mark_read: toggle,
  "sending.typing_ms_per_char": decimal(0, 1000),
  "sending.typing_min_seconds": decimal(0, 20),
  "sending.typing_max_seconds": decimal(0, 20),
  "sending.jitter": percent(0, 1),
  "sending.split": toggle,
  "sending.bubble_chars": whole(50, 20_000),
  "sending.most_bubbles": whole(1, 10),
  "sending.messages_per_minute": wholeOrNone(1, 6000),
  "sending.new_contacts_per_day": wholeOrNone(1, 100_000),
  "sending.rate_limit_pause_seconds": decimal(1, 3600),
  "sending.expire_hours": { kind: "number", min: 0.01, max: 8760, nullable: true },

  "understanding.voice": toggle,
  "understanding.images": toggle,
  "understanding.documents": toggle,
  "understanding.videos": toggle,
  "understanding.max_mb": whole(1, 14),
  "understanding.max_seconds": whole(1, 3600),
  "understanding.otherwise": choice("model", "text", "silence"),
  "understanding.otherwise_text": message,

  "abilities.hand_over": toggle,
  "abilities.hand_over_minutes": wholeOrNone(1, YEAR),
  "abilities.remind": toggle,

  "budget.reply_usd": dollars,
  "budget.reply_tokens": wholeOrNone(500, 10_000_000),
  "budget.conversation_usd": dollars,
  "budget.conversation_tokens": wholeOrNone(1, 10 ** 12),
  "budget.number_usd": dollars,
  "budget.number_tokens": wholeOrNone(1, 10 ** 12),
  "budget.alert_share": percent(0.01, 1),
  "budget.message": message,

  "hours.enabled": toggle,
  "hours.outside": choice("silence", "ai"),
  "hours.message": message,
  "hours.holidays": lines(400),

  "frequent.mode": choice("off", "shadow", "on"),
  "frequent.threshold": decimal(0, 2),
  "frequent.margin": decimal(0, 2),
  "frequent.embeddings": choice("local", "gemini"),
  "frequent.exact_minutes": whole(0, YEAR),

  "knowledge.enabled": toggle,
  "knowledge.whole_tokens": whole(0, 8000),
  "knowledge.passage_tokens": whole(100, 6000),
  "knowledge.embeddings": choice("off", "local", "gemini"),
} satisfies Record<string, Spec>;

export type SettingPath = keyof typeof SETTINGS;

/** What the behaviour tab shows, in its order. */
export const BEHAVIOUR = {
  timing: [
    "debounce_seconds",
    "debounce_max_seconds",
    "turns.when_overtaken",
    "turns.most_tries",
    "turns.most_parallel",
    "turns.failure_message",
    "turns.catch_up_minutes",
  ],
  pauses: [
    "takeover.pause_minutes_after_person",
    "takeover.stop_keywords",
    "takeover.stop_reply",
    "takeover.stop_minutes",
    "takeover.resume_keywords",
    "takeover.resume_reply",
    "takeover.phone_autoreplies",
    "takeover.detect_phone_greeting",
  ],
  audience: ["audience.groups", "audience.ignored"],
  abilities: ["abilities.hand_over", "abilities.hand_over_minutes", "abilities.remind"],
  files: [
    "understanding.voice",
    "understanding.images",
    "understanding.documents",
    "understanding.videos",
    "understanding.max_mb",
    "understanding.max_seconds",
    "understanding.otherwise",
    "understanding.otherwise_text",
  ],
  sending: [
    "show_typing",
    "sending.show_online",
    "mark_read",
    "sending.typing_ms_per_char",
    "sending.jitter",
    "sending.typing_min_seconds",
    "sending.typing_max_seconds",
    "sending.split",
    "sending.bubble_chars",
    "sending.most_bubbles",
    "sending.messages_per_minute",
    "sending.new_contacts_per_day",
    "sending.rate_limit_pause_seconds",
    "sending.expire_hours",
  ],
} as const satisfies Record<string, readonly SettingPath[]>;

/** The tab that a setting is in, by its path. */
export function partOf(
  path: string,
): "instructions" | "behaviour" | "hours" | "budget" | "answers" | "knowledge" {
  const [group = ""] = path.split(".");
  if (group === "budget") return "budget";
  if (group === "hours") return "hours";
  if (group === "frequent") return "answers";
  if (group === "knowledge") return "knowledge";
  return Object.values(BEHAVIOUR).some((paths) => (paths as readonly string[]).includes(path))
    ? "behaviour"
    : "instructions";
}

/** A number as it is typed, with comma or point; what is no number stays the text that it is. */
export function readNumber(text: string): number | string | null {
  const typed = text.trim();
  if (typed === "") return null;
  const value = Number(typed.replace(",", "."));
  return Number.isFinite(value) ? value : text;
}

export function readLines(text: string): string[] {
  return text
    .split("\n")
    .map((one) => one.trim())
    .filter(Boolean);
}

/** Whether the API would take a value. */
export function accepts(path: string, value: unknown): boolean {
  if (path === "hours.weekly")
    return Object.values(value as Week)
      .flat()
      .every(isInterval);
  const spec: Spec | undefined = SETTINGS[path as SettingPath];
  if (spec?.kind !== "number") return true;
  if (value === null) return spec.nullable === true;
  return (
    typeof value === "number" &&
    value >= spec.min &&
    value <= spec.max &&
    (!spec.whole || Number.isInteger(value))
  );
}
