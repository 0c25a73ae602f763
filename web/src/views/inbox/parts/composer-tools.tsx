/** What stands around the field: emoji, quick answers, sending later, and what waits for its time. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { Button as AriaButton } from "react-aria-components/Button";
import { Dialog as AriaDialog, DialogTrigger } from "react-aria-components/Dialog";
import { Popover } from "react-aria-components/Popover";
import { api, ok } from "~/api/client";
import type { Message } from "~/api/types";
import { messageCalls, scheduledQuery } from "~/data/messages";
import { useFormat } from "~/i18n/format";
import { useStrings } from "~/i18n/strings";
import { Icon } from "~/ui/icon";
import { IconButton } from "~/ui/icon-button";
import { Loaded } from "~/ui/states";
import { toast } from "~/ui/toast";
import { words } from "../strings";

const LaterDialog = lazy(() => import("./later-dialog"));

const EMOJI =
  "😀 😃 😄 😁 😅 😂 🙂 😉 😊 😍 🥰 😘 😎 🤔 😐 🙄 😴 😢 😭 😡 🙏 👍 👎 👏 🙌 💪 👋 🤝 ✌️ 👌 ❤️ 💚 💙 💛 🔥 ✨ ⭐ 🎉 🎁 ✅ ❌ ⚠️ ⏰ 📅 📍 📞 💬 📷 🛒 💰 🚚 🏠 ☕ 🍰 🍕 🌧️ ☀️ 🌙".split(
    " ",
  );

/** What is to be sent later, and a way to take it back. */
export function Scheduled({ conversation }: { conversation: string }) {
  const t = useStrings(words);
  const format = useFormat();
  const client = useQueryClient();
  const { data } = useQuery(scheduledQuery(conversation));
  if (!data?.items.length) return null;
  return (
    <ul className="composer-waiting">
      {data.items.map((message) => (
        <li key={message.id} className="composer-quote">
          <Icon name="clock" size={16} />
          <span>
            <strong>{t.laterFor(format.dateTime(message.scheduled_for ?? message.created_at))}</strong>{" "}
            {fileName(message)}
            {message.body || (fileName(message) ? "" : t.types[message.type])}
          </span>
          <IconButton
            icon="close"
            size="s"
            label={t.laterCancel}
            onPress={() =>
              void messageCalls
                .cancel(message.id)
                .then(() => client.invalidateQueries({ queryKey: scheduledQuery(conversation).queryKey }))
                .catch(toast.problem)
            }
          />
        </li>
      ))}
    </ul>
  );
}

function fileName(message: Message): string {
  const name = (message.media as { file_name?: string } | null)?.file_name;
  return name ? `${name} ` : "";
}

/** Asks when. */
export function Later({ onSend }: { onSend: (at: Date) => Promise<void> }) {
  const t = useStrings(words);
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <IconButton icon="clock" label={t.later} onPress={() => setOpen(true)} />
      {isOpen && (
        <Suspense>
          <LaterDialog onSend={onSend} onClose={() => setOpen(false)} />
        </Suspense>
      )}
    </>
  );
}

/** Approved answers, to be put into the field and changed there. */
export function QuickAnswers({ session, onChoose }: { session: string; onChoose: (text: string) => void }) {
  const t = useStrings(words);
  const [isOpen, setOpen] = useState(false);
  const query = useQuery({
    queryKey: ["frequent-answers", "quick", session],
    queryFn: ({ signal }) =>
      ok(api.GET("/frequent-answers", { params: { query: { session, limit: 100 } }, signal })),
    enabled: isOpen,
  });
  return (
    <DialogTrigger isOpen={isOpen} onOpenChange={setOpen}>
      <IconButton icon="book" label={t.quick} />
      <Popover className="popover" placement="top start">
        <AriaDialog className="composer-quick" aria-label={t.quick}>
          <Loaded query={query}>
            {({ items }) =>
              items.length === 0 ? (
                <p>{t.noQuick}</p>
              ) : (
                items.map((answer) => (
                  <AriaButton
                    key={answer.id}
                    className="composer-quick-one"
                    onPress={() => {
                      onChoose(answer.answer);
                      setOpen(false);
                    }}
                  >
                    <strong>{answer.title}</strong>
                    <span>{answer.answer}</span>
                  </AriaButton>
                ))
              )
            }
          </Loaded>
        </AriaDialog>
      </Popover>
    </DialogTrigger>
  );
}

/** A few dozen emoji that shops use; every system's own picker has the rest. */
export function Emoji({ onChoose }: { onChoose: (emoji: string) => void }) {
  const t = useStrings(words);
  return (
    <DialogTrigger>
      <IconButton icon="emoji" label={t.emoji} />
      <Popover className="popover" placement="top start">
        <AriaDialog className="composer-emoji" aria-label={t.emoji}>
          {EMOJI.map((one) => (
            <AriaButton key={one} className="composer-emoji-one" onPress={() => onChoose(one)}>
              {one}
            </AriaButton>
          ))}
        </AriaDialog>
      </Popover>
    </DialogTrigger>
  );
}
