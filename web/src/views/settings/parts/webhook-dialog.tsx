/** Adds a webhook, or changes one: where it leads, what it is told of, and with which headers. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { asProblem } from "~/api/problem";
import { sessionName, useSessions } from "~/data/sessions";
import { useStrings } from "~/i18n/strings";
import { CheckGroup } from "~/ui/checks";
import { ChoiceGroup } from "~/ui/choice";
import { TextField } from "~/ui/field";
import FormDialog from "~/ui/form-dialog";
import { toast } from "~/ui/toast";
import { type Webhook, type WebhookEvent, webhookCalls, webhooksQuery } from "../webhook-queries";
import { words } from "../webhook-strings";
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
  const sessions = useSessions().data ?? [];
  const [name, setName] = useState(of?.name ?? "");
  const [url, setUrl] = useState(of?.url ?? "");
  const [which, setWhich] = useState<Which>(of?.events.length ? "some" : "all");
  const [events, setEvents] = useState<string[]>(of?.events ?? ["message.received"]);
  const [whichNumbers, setWhichNumbers] = useState<Which>(of?.session_ids.length ? "some" : "all");
  const [numbers, setNumbers] = useState<string[]>(of?.session_ids ?? []);
  const [kept, setKept] = useState(Boolean(of?.header_names.length)); // the headers stay as they are
  const [headers, setHeaders] = useState<Header[]>([]);
  const [touched, setTouched] = useState(false);
  const [sent, setSent] = useState(false);
  const wrong =
    (which === "some" && events.length === 0) || (whichNumbers === "some" && numbers.length === 0);

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
        session_ids: whichNumbers === "some" ? numbers : [],
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
  // a number that is gone stays in the list until it is taken out
  const known = new Set(sessions.map((one) => one.session_id));
  const numberChecks = [
    ...sessions.map((one) => ({ id: one.session_id, label: sessionName(one) })),
    ...(of?.session_ids ?? []).filter((id) => !known.has(id)).map((id) => ({ id, label: id })),
  ];
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
      {numberChecks.length > 0 && (
        <ChoiceGroup
          label={t.whichNumbers}
          value={whichNumbers}
          onChange={edit(setWhichNumbers)}
          choices={whichChoices}
          short
          hint={
            whichNumbers === "some" &&
            ((sent && numbers.length === 0 && <Fault>{t.chooseSome}</Fault>) ||
              problem?.within("body.session_ids"))
          }
        />
      )}
      {numberChecks.length > 0 && whichNumbers === "some" && (
        <div className="card settings-webhook-groups">
          <CheckGroup
            label={t.whichNumbers}
            quiet
            value={numbers}
            onChange={edit(setNumbers)}
            checks={numberChecks}
          />
        </div>
      )}
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

function Fault({ children }: { children: string }) {
  return (
    <span className="field-error" role="alert">
      {children}
    </span>
  );
}
