import { useFormat } from "~/i18n/format";
import { useStrings } from "~/i18n/strings";
import { TextArea } from "~/ui/field";
import { useDraft } from "../draft";
import { SETTINGS } from "../settings";
import { words as settingWords } from "../settings-strings";
import { words } from "../strings";
import { Fold } from "./fold";
import { Setting } from "./setting";
import { Try } from "./try";

const CHARACTERS_A_TOKEN = 4;

export function Instructions() {
  const t = useStrings(words);
  const labels = useStrings(settingWords);
  const format = useFormat();
  const draft = useDraft();
  const text = draft.get("instructions") as string;
  const [label = "", hint] = labels.fields.instructions;
  const tokens = Math.ceil(text.length / CHARACTERS_A_TOKEN);
  return (
    <div className="ai-columns">
      <div className="stack">
        <Setting path="ai_enabled" />
        <TextArea
          label={label}
          hint={text ? `${hint} ${t.about(tokens, format.number(tokens))}` : hint}
          placeholder={t.placeholder}
          value={text}
          onChange={(next) => draft.set("instructions", next)}
          rows={SETTINGS.instructions.rows}
          maxLength={SETTINGS.instructions.max}
          error={draft.error("instructions")}
        />
        <Fold title={t.advanced} lead={t.advancedLead}>
          <Setting path="model" />
          <Setting path="fallback_models" />
          <Setting path="max_answer_tokens" />
          <Setting path="context.window_tokens" />
          <Setting path="context.keep_messages" />
          <Setting path="context.summary" />
          <Setting path="context.summary_model" />
          <Setting path="context.summary_tokens" />
        </Fold>
      </div>
      <Try />
    </div>
  );
}
