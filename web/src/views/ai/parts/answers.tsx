/** Frequent answers: whether they are given, which there are, what is suggested, and how well they do. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { useStrings } from "~/i18n/strings";
import { Loading } from "~/ui/states";
import { Tabs } from "~/ui/tabs";
import { words } from "../answers-strings";
import { useDraft } from "../draft";
import { suggestionsQuery } from "../queries";
import { AnswerList } from "./answer-list";
import { Fold } from "./fold";
import { Setting } from "./setting";

const Suggestions = lazy(() => import("./suggestions"));
const Report = lazy(() => import("./report"));
type Shown = "list" | "suggestions" | "report";

export default function Answers() {
  const t = useStrings(words);
  const draft = useDraft();
  const [shown, setShown] = useState<Shown>("list");
  const suggested = useInfiniteQuery(suggestionsQuery(draft.session.session_id)).data?.length ?? 0;
  const mode = draft.get("frequent.mode") as keyof typeof t.modeHint;
  return (
    <div className="stack">
      <div className="stack">
        <Setting path="frequent.mode" />
        <p className="field-hint">{t.modeHint[mode]}</p>
      </div>
      {mode !== "off" && (
        <Fold title={t.fine}>
          <Setting path="frequent.threshold" />
          <Setting path="frequent.margin" />
          <Setting path="frequent.embeddings" />
          <Setting path="frequent.exact_minutes" />
        </Fold>
      )}
      <Suspense fallback={<Loading />}>
        <Tabs<Shown>
          label={t.parts}
          selected={shown}
          onSelect={setShown}
          tabs={[
            { id: "list", label: t.list, content: <AnswerList /> },
            {
              id: "suggestions",
              label: suggested ? `${t.suggestions} (${suggested})` : t.suggestions,
              content: <Suggestions />,
            },
            { id: "report", label: t.report, content: <Report /> },
          ]}
        />
      </Suspense>
    </div>
  );
}
