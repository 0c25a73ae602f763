/** Whether the AI answers in this conversation, who said so and until when, and the way to change it. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import type { Conversation } from "~/api/types";
import { changeConversation, conversationCalls } from "~/data/conversations";
import { useSession } from "~/data/sessions";
import { useFormat } from "~/i18n/format";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { classes } from "~/ui/classes";
import { Icon } from "~/ui/icon";
import { Menu } from "~/ui/menu";
import { toast } from "~/ui/toast";
import { words } from "../strings";

const FOREVER = "9999";

/** True while `until` is to come; renders anew when it has passed. */
function useIsAhead(until: string | null | undefined): boolean {
  const [, tick] = useState(0);
  const left = until ? Date.parse(until) - Date.now() : 0;
  useEffect(() => {
    if (left <= 0 || left > 2 ** 31 - 1) return;
    const timer = setTimeout(() => tick((count) => count + 1), left + 50);
    return () => clearTimeout(timer);
  }, [left]);
  return left > 0;
}

export function AiBanner({ conversation }: { conversation: Conversation }) {
  const t = useStrings(words);
  const format = useFormat();
  const client = useQueryClient();
  const session = useSession(conversation.session_id).data;
  const paused = useIsAhead(conversation.ai_paused_until);
  const stopped = useIsAhead(conversation.ai_stopped_until);
  const id = conversation.id;
  const call = useMutation({
    mutationFn: (what: () => Promise<Conversation>) => changeConversation(client, id, what),
    onError: toast.problem,
  });
  const numberOff = session?.ai.state === "off";
  const pauseFor = (minutes: number | null) =>
    call.mutate(() =>
      conversationCalls.pause(id, minutes ? { minutes, indefinitely: false } : { indefinitely: true }),
    );

  if (conversation.ai_failed_at && !(paused || stopped)) {
    const reason = conversation.ai_reason?.split(":")[0] as keyof typeof t.failures | undefined;
    return (
      <Bar
        tone="bad"
        icon="warn"
        text={t.failed((reason && t.failures[reason]) ?? conversation.ai_reason ?? "")}
      >
        <Button
          size="s"
          icon="refresh"
          isPending={call.isPending}
          onPress={() => call.mutate(() => conversationCalls.retry(id))}
        >
          {t.tryAgain}
        </Button>
      </Bar>
    );
  }
  if (!conversation.ai_enabled || numberOff) {
    const why = session?.ai.reason === "no_api_key" ? t.noKey : numberOff ? t.offForNumber : t.offHere;
    return (
      <Bar tone="plain" icon="person" text={why}>
        {!conversation.ai_enabled && (
          <Button
            size="s"
            icon="ai"
            isPending={call.isPending}
            onPress={() => call.mutate(() => conversationCalls.update(id, { ai_enabled: true }))}
          >
            {t.switchOn}
          </Button>
        )}
      </Bar>
    );
  }
  if (paused || stopped) {
    const until = (end: string) =>
      end.startsWith(FOREVER) ? t.untilHandedBack : t.until(format.relative(end), format.time(end));
    const lines: string[] = [];
    if (paused && conversation.ai_paused_until) {
      const by =
        t.pausedBy[(conversation.ai_paused_by ?? "person") as keyof typeof t.pausedBy] ?? t.pausedBy.person;
      const note = conversation.ai_paused_reason?.split(": ").slice(1).join(": ");
      lines.push(`${by} ${until(conversation.ai_paused_until)}${note ? ` — ${note}` : ""}`);
    }
    if (stopped && conversation.ai_stopped_until) {
      lines.push(`${t.contactStopped} ${until(conversation.ai_stopped_until)}`);
    }
    return (
      <Bar tone="warn" icon={paused ? "person" : "hand"} text={lines.join("\n")}>
        <Menu
          label={t.handBack}
          actions={[
            {
              id: "back",
              label: t.handBackOnly,
              icon: "ai",
              onAction: () => call.mutate(() => conversationCalls.resume(id, false)),
            },
            {
              id: "answer",
              label: t.handBackAnswer,
              icon: "reply",
              onAction: () => call.mutate(() => conversationCalls.resume(id, true)),
            },
          ]}
        >
          <Button size="s" icon="ai" isPending={call.isPending}>
            {t.handBack}
          </Button>
        </Menu>
      </Bar>
    );
  }
  const working = conversation.ai_state === "answering" || conversation.ai_state === "waiting";
  return (
    <Bar tone="ai" icon="ai" text={working ? t.working : t.aiAnswers}>
      <Menu
        label={t.takeOver}
        actions={[
          { id: "hour", label: t.forHour, icon: "clock", onAction: () => pauseFor(60) },
          { id: "day", label: t.forDay, icon: "clock", onAction: () => pauseFor(24 * 60) },
          { id: "ever", label: t.forEver, icon: "hand", onAction: () => pauseFor(null) },
        ]}
      >
        <Button size="s" icon="hand" isPending={call.isPending}>
          {t.takeOver}
        </Button>
      </Menu>
    </Bar>
  );
}

function Bar({
  tone,
  icon,
  text,
  children,
}: {
  tone: "ai" | "warn" | "bad" | "plain";
  icon: "ai" | "person" | "hand" | "warn";
  text: string;
  children?: React.ReactNode;
}) {
  return (
    <div className={classes("inbox-banner", `tone-${tone}`)}>
      <Icon name={icon} size={18} />
      <p role="status">{text}</p>
      {children}
    </div>
  );
}
