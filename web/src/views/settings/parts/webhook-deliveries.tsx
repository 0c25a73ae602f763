/** What became of a webhook's events; each can be sent again. */
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useFormat } from "~/i18n/format";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { ChoiceGroup } from "~/ui/choice";
import { Dialog } from "~/ui/dialog";
import { Badge, type Tone } from "~/ui/parts";
import { Loaded } from "~/ui/states";
import { toast } from "~/ui/toast";
import {
  type Delivery,
  type DeliveryState,
  deliveriesQuery,
  type Webhook,
  webhookCalls,
  webhooksQuery,
} from "../webhook-queries";
import { errorText, words } from "../webhook-strings";

const TONES: Record<DeliveryState, Tone> = { delivered: "good", retrying: "warn", failed: "bad" };
const FILTERS = ["all", "retrying", "failed"] as const;

export default function WebhookDeliveries({
  of,
  name,
  onClose,
}: {
  of: Webhook;
  name: string;
  onClose: () => void;
}) {
  const t = useStrings(words);
  const [filter, setFilter] = useState<(typeof FILTERS)[number]>("all");
  const query = useInfiniteQuery(deliveriesQuery(of.id, filter === "all" ? null : filter));
  return (
    <Dialog title={t.deliveriesTitle(name)} isOpen onClose={onClose} size="l">
      <div className="stack">
        <p className="field-hint">{t.deliveriesLead}</p>
        <div className="row settings-webhook-filter">
          <ChoiceGroup
            label={t.filter}
            value={filter}
            onChange={setFilter}
            short
            choices={FILTERS.map((id) => ({ id, label: id === "all" ? t.all : t.deliveryStates[id] }))}
          />
          <Button icon="refresh" isPending={query.isRefetching} onPress={() => void query.refetch()}>
            {t.refresh}
          </Button>
        </div>
        <Loaded query={query}>
          {(all) =>
            all.length === 0 ? (
              <p>{t.none}</p>
            ) : (
              <ul className="card settings-people" aria-label={t.deliveries}>
                {all.map((one) => (
                  <Row key={one.id} webhook={of} of={one} />
                ))}
              </ul>
            )
          }
        </Loaded>
        {query.hasNextPage && (
          <div className="row">
            <Button isPending={query.isFetchingNextPage} onPress={() => void query.fetchNextPage()}>
              {t.moreOfThem}
            </Button>
          </div>
        )}
      </div>
    </Dialog>
  );
}

function Row({ webhook, of }: { webhook: Webhook; of: Delivery }) {
  const t = useStrings(words);
  const format = useFormat();
  const client = useQueryClient();
  const retry = useMutation({
    mutationFn: () => webhookCalls.retry(webhook.id, of.id),
    onSuccess: (now) => {
      if (now.error) toast.bad(t.stillRefused, errorText(t, now.error));
      else toast.good(t.sentAgain);
    },
    onError: (error) => toast.problem(error),
    onSettled: () => client.invalidateQueries({ queryKey: webhooksQuery.queryKey }),
  });
  const facts = [
    format.dateTime(of.created_at),
    of.session,
    t.tries(of.attempts),
    t.took(format.number(of.duration_ms)),
    of.next_try_at && t.nextTry(format.time(of.next_try_at)),
  ];
  return (
    <li className="settings-webhook">
      <div className="settings-webhook-head">
        <div className="settings-webhook-who">
          <code>{of.event}</code>
          <span className="field-hint">{facts.filter(Boolean).join(" · ")}</span>
          {of.error && <span>{errorText(t, of.error)}</span>}
          {of.error && of.response && (
            <details className="settings-webhook-answer">
              <summary>{t.answered}</summary>
              <pre>{of.response}</pre>
            </details>
          )}
        </div>
        <Badge tone={TONES[of.state]}>{t.deliveryStates[of.state]}</Badge>
        <Button size="s" isPending={retry.isPending} onPress={() => retry.mutate()}>
          {t.again}
        </Button>
      </div>
    </li>
  );
}
