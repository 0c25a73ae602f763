/** Webhooks: which there are, how each fares, and what can be done with it. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import type { Schemas } from "~/api/types";
import { useFormat } from "~/i18n/format";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { confirmed } from "~/ui/confirmed";
import { Icon } from "~/ui/icon";
import { IconButton } from "~/ui/icon-button";
import { Menu } from "~/ui/menu";
import { Badge, Notice, Section, type Tone } from "~/ui/parts";
import { Empty, Loaded } from "~/ui/states";
import { toast } from "~/ui/toast";
import { type Webhook, webhookCalls, webhooksQuery } from "../webhook-queries";
import { errorText, words } from "../webhook-strings";

const WebhookDialog = lazy(() => import("./webhook-dialog"));
const WebhookSecret = lazy(() => import("./webhook-secret"));
const WebhookDeliveries = lazy(() => import("./webhook-deliveries"));

type Open = { what: "new" } | { what: "edit" | "secret" | "deliveries"; of: Webhook };

const TONES: Record<Webhook["state"], Tone> = { on: "good", waiting: "warn", off: "plain" };

/** What a person calls a webhook: its name, or where it leads. */
function nameOf(webhook: Webhook): string {
  return webhook.name ?? new URL(webhook.url).host;
}

export default function Webhooks() {
  const t = useStrings(words);
  const webhooks = useQuery(webhooksQuery);
  const [open, setOpen] = useState<Open | null>(null);
  const close = () => setOpen(null);
  const add = (
    <Button kind="primary" icon="plus" onPress={() => setOpen({ what: "new" })}>
      {t.add}
    </Button>
  );
  return (
    <Section title={t.title} lead={t.lead} actions={webhooks.data?.length ? add : undefined}>
      <Loaded query={webhooks}>
        {(all) =>
          all.length === 0 ? (
            <Empty icon="link" title={t.empty} action={add}>
              <p>{t.emptyText}</p>
            </Empty>
          ) : (
            <ul className="card settings-people" aria-label={t.title}>
              {all.map((one) => (
                <Row key={one.id} of={one} onOpen={(what) => setOpen({ what, of: one })} />
              ))}
            </ul>
          )
        }
      </Loaded>
      <Suspense>
        {open?.what === "new" && (
          <WebhookDialog of={null} onClose={close} onMade={(made) => setOpen({ what: "secret", of: made })} />
        )}
        {open?.what === "edit" && <WebhookDialog of={open.of} onClose={close} />}
        {open?.what === "secret" && <WebhookSecret of={open.of} name={nameOf(open.of)} onClose={close} />}
        {open?.what === "deliveries" && (
          <WebhookDeliveries of={open.of} name={nameOf(open.of)} onClose={close} />
        )}
      </Suspense>
    </Section>
  );
}

function Row({ of, onOpen }: { of: Webhook; onOpen: (what: "edit" | "secret" | "deliveries") => void }) {
  const t = useStrings(words);
  const format = useFormat();
  const client = useQueryClient();
  const name = nameOf(of);
  const look = () => client.invalidateQueries({ queryKey: webhooksQuery.queryKey });
  const test = useMutation({
    mutationFn: () => webhookCalls.test(of.id),
    onError: (error) => toast.problem(error),
  });
  const change = useMutation({
    mutationFn: (body: Schemas["WebhookUpdate"]) => webhookCalls.update(of.id, body),
    onSuccess: look,
    onError: (error) => toast.problem(error),
  });
  const remove = () =>
    confirmed(
      { title: t.removeTitle(name), body: <p>{t.removeText}</p>, confirm: t.remove, danger: true },
      async () => {
        await webhookCalls.remove(of.id);
        await look();
      },
      t.removed,
    );
  const facts = [
    of.events.length ? t.someEvents(of.events.length) : t.allEvents,
    of.session_ids.length ? t.someNumbers(of.session_ids.length) : of.limited ? t.noNumbers : t.allNumbers,
    of.last_success_at && t.lastSuccess(format.relative(of.last_success_at)),
    of.aside > 0 && t.aside(of.aside),
    of.api_key && t.byKey(of.api_key.name, of.api_key.revoked),
  ];
  return (
    <li className="settings-webhook" aria-label={name}>
      <div className="settings-webhook-head settings-webhook-of">
        <span className="settings-key-icon">
          <Icon name="link" />
        </span>
        <div className="settings-webhook-who">
          <strong>{name}</strong>
          <span className="field-hint">{of.url}</span>
          <span className="field-hint">{facts.filter(Boolean).join(" · ")}</span>
        </div>
        <Badge tone={of.disabled_reason ? "bad" : TONES[of.state]}>{t.states[of.state]}</Badge>
        <Menu
          label={t.more(name)}
          actions={[
            { id: "edit", label: t.edit, icon: "edit", onAction: () => onOpen("edit") },
            { id: "secret", label: t.secret, icon: "key", onAction: () => onOpen("secret") },
            {
              id: "switch",
              label: of.enabled ? t.switchOff : t.switchOn,
              icon: "power",
              onAction: () => change.mutate({ enabled: !of.enabled, skip_missed: false, forget_gap: false }),
            },
            ...(of.enabled
              ? []
              : [
                  {
                    id: "skip",
                    label: t.skip,
                    icon: "power" as const,
                    onAction: () => change.mutate({ enabled: true, skip_missed: true, forget_gap: false }),
                  },
                ]),
            null,
            { id: "remove", label: t.remove, icon: "trash", danger: true, onAction: () => void remove() },
          ]}
        >
          <IconButton icon="dots" label={t.more(name)} />
        </Menu>
      </div>
      <Trouble of={of} />
      {of.gap && (
        <Notice
          tone="warn"
          title={t.gapTitle(of.gap.events)}
          actions={
            <Button size="s" onPress={() => change.mutate({ forget_gap: true, skip_missed: false })}>
              {t.understood}
            </Button>
          }
        >
          {t.gapText(format.dateTime(of.gap.since), format.dateTime(of.gap.until))}
        </Notice>
      )}
      <div role="status">
        {test.data && (
          <Notice
            tone={test.data.ok ? "good" : "bad"}
            title={
              test.data.ok
                ? t.testGood(String(test.data.status), format.number(test.data.duration_ms))
                : t.testBad
            }
          >
            {test.data.error && errorText(t, test.data.error)}
          </Notice>
        )}
      </div>
      <div className="row">
        <Button size="s" icon="send" isPending={test.isPending} onPress={() => test.mutate()}>
          {t.test}
        </Button>
        <Button size="s" icon="clock" onPress={() => onOpen("deliveries")}>
          {t.deliveries}
        </Button>
      </div>
    </li>
  );
}

/** Why nothing gets through, and what becomes of it. */
function Trouble({ of }: { of: Webhook }) {
  const t = useStrings(words);
  const format = useFormat();
  const why = of.last_error && errorText(t, of.last_error);
  if (of.disabled_reason) {
    return (
      <Notice tone="bad" title={of.disabled_reason === "gone" ? t.gone : t.failing}>
        {[of.disabled_reason === "failing" && why, t.onAgain].filter(Boolean).join(" ")}
      </Notice>
    );
  }
  if (of.state !== "waiting") return null;
  return (
    <Notice tone="warn" title={t.waitingTitle}>
      {[why, of.next_try_at && t.waitingText(format.time(of.next_try_at))].filter(Boolean).join(" ")}
    </Notice>
  );
}
