/** Adds a webhook, or changes one: where it leads, what it is told of, and with which headers. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { asProblem } from "~/api/problem";
import { useStrings } from "~/i18n/strings";
import { CheckGroup } from "~/ui/checks";
import { ChoiceGroup } from "~/ui/choice";
import { TextField } from "~/ui/field";
import FormDialog from "~/ui/form-dialog";
import { toast } from "~/ui/toast";
import { type Webhook, type WebhookEvent, webhookCalls, webhooksQuery } from "../webhook-queries";
import { words } from "../webhook-strings";
import { Fault, NumberChoice } from "./number-choice";
import { asObject, type Header, WebhookHeaders } from "./webhook-headers";

const GROUPS = {
  messages: ["message.received", "message.sent", "message.status", "message.change_failed"],
  conversations: [
    "conversation.updated",
    "conversation.paused",
    "conversation.resumed",
    "conversation.deleted",
  ],
  ai: ["ai.replied", "ai.skipped", "ai.handoff", "ai.failed", "budget.alert"],
  numbers: [
    "session.status",
    "session.qr",
    "session.pairing_code",
    "session.passkey_required",
    "session.sending_paused",
  ],
} as const satisfies Record<string, readonly WebhookEvent[]>;
const GROUP_NAMES = Object.keys(GROUPS) as (keyof typeof GROUPS)[];

type Which = "all" | "some";

export default function WebhookDialog({
  of,
  onClose,
  onMade,
}: {
  of: Webhook | null;
  onClose: () => void;
  onMade?: (made: Webhook) => void;
}) {
  const t = useStrings(words);
  const client = useQueryClient();
  const [name, setName] = useState(of?.name ?? "");
  const [url, setUrl] = useState(of?.url ?? "");
  const [which, setWhich] = useState<Which>(of?.events.length ? "some" : "all");
  const [events, setEvents] = useState<string[]>(of?.events ?? ["message.received"]);
  const limited = of?.limited ?? false; // no numbers are none then, and not all
  const [numbers, setNumbers] = useState(
    limited || of?.session_ids.length ? (of?.session_ids ?? null) : null,
  );
  const [kept, setKept] = useState(Boolean(of?.header_names.length)); // the headers stay as they are
  const [headers, setHeaders] = useState<Header[]>([]);
  const [touched, setTouched] = useState(false);
  const [sent, setSent] = useState(false);
  const noNumber = !limited && numbers?.length === 0;
  const wrong = (which === "some" && events.length === 0) || noNumber;

  /** Marks the form as changed, and does it. */
  const edit =
    <V,>(set: (value: V) => void) =>
    (value: V) => {
      setTouched(true);
      set(value);
    };

  const save = useMutation({
    mutationFn: async (): Promise<Webhook> => {
      const body = {
        name: name.trim() || null,
        url: url.trim(),
        events: (which === "some" ? events : []) as WebhookEvent[],
        session_ids: numbers ?? [],
      };
      const own = asObject(headers);
      if (!of) return webhookCalls.create({ ...body, headers: own, enabled: true });
      return webhookCalls.update(of.id, {
        ...body,
        ...(kept ? {} : { headers: own }),
        skip_missed: false,
        forget_gap: false,
      });
    },
    onSuccess: (saved) => {
      void client.invalidateQueries({ queryKey: webhooksQuery.queryKey });
      toast.good(t.saved);
      if (onMade) onMade(saved);
      else onClose();
    },
  });
  const problem = save.error ? asProblem(save.error) : null;
  const whichChoices = [
    { id: "all", label: t.everything },
    { id: "some", label: t.onlyThese },
  ] as const;

  return (
    <FormDialog
      title={of ? (of.name ?? new URL(of.url).host) : t.newTitle}
      size="l"
      changed={touched}
      onClose={onClose}
      onSave={() => {
        setSent(true);
        if (!wrong) save.mutate();
      }}
      save={t.save}
      isPending={save.isPending}
      error={save.error}
    >
      <TextField
        label={t.url}
        hint={t.urlHint}
        placeholder="https://"
        value={url}
        onChange={edit(setUrl)}
        inputMode="url"
        maxLength={2000}
        isRequired
        autoFocus
        spellCheck="false"
        error={problem?.field("url")}
      />
      <TextField
        label={t.name}
        hint={t.nameHint}
        value={name}
        onChange={edit(setName)}
        maxLength={100}
        error={problem?.field("name")}
      />
      <ChoiceGroup
        label={t.which}
        value={which}
        onChange={edit(setWhich)}
        choices={whichChoices}
        short
        hint={sent && which === "some" && events.length === 0 && <Fault>{t.chooseSome}</Fault>}
      />
      {which === "some" && (
        <div className="card settings-webhook-groups">
          {GROUP_NAMES.map((group) => {
            const own: readonly string[] = GROUPS[group];
            return (
              <CheckGroup
                key={group}
                label={t.groups[group]}
                value={events.filter((one) => own.includes(one))}
                onChange={(chosen) =>
                  edit(setEvents)([...events.filter((one) => !own.includes(one)), ...chosen])
                }
                checks={GROUPS[group].map((id) => ({ id, label: t.events[id], detail: id }))}
              />
            );
          })}
        </div>
      )}
      <NumberChoice
        label={t.whichNumbers}
        choices={limited ? null : { all: t.everything, some: t.onlyThese }}
        value={numbers}
        onChange={edit(setNumbers)}
        fault={(sent && noNumber && t.chooseSome) || problem?.within("body.session_ids")}
      />
      {limited && <p className="field-hint">{t.limitedHint}</p>}
      <WebhookHeaders
        kept={kept ? (of?.header_names ?? []) : []}
        onReplace={() => edit(setKept)(false)}
        headers={headers}
        onChange={edit(setHeaders)}
        error={problem?.within("body.headers")}
      />
    </FormDialog>
  );
}
