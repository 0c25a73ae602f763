/** API keys of programs: which there are, and when each was last used. None is shown after it was made. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { sessionName, useSessions } from "~/data/sessions";
import { useFormat } from "~/i18n/format";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { confirmed } from "~/ui/confirmed";
import { Icon } from "~/ui/icon";
import { IconButton } from "~/ui/icon-button";
import { Menu } from "~/ui/menu";
import { Badge, Section } from "~/ui/parts";
import { Empty, Loaded } from "~/ui/states";
import { words } from "../api-key-strings";
import { type ApiKey, apiKeyCalls, apiKeysQuery } from "../queries";
import { webhooksQuery } from "../webhook-queries";

const ApiKeyDialog = lazy(() => import("./api-key-dialog"));

export function ApiKeys() {
  const t = useStrings(words);
  const keys = useQuery(apiKeysQuery);
  const [open, setOpen] = useState<ApiKey | "new" | null>(null);
  const make = (
    <Button kind="primary" icon="plus" onPress={() => setOpen("new")}>
      {t.make}
    </Button>
  );
  return (
    <Section title={t.apiKeys} lead={t.lead} actions={keys.data?.length ? make : undefined}>
      <Loaded query={keys}>
        {(all) =>
          all.length === 0 ? (
            <Empty icon="key" title={t.empty} action={make}>
              <p>{t.emptyText}</p>
            </Empty>
          ) : (
            <ul className="card settings-people" aria-label={t.apiKeys}>
              {all.map((one) => (
                <Row key={one.id} of={one} onChange={() => setOpen(one)} />
              ))}
            </ul>
          )
        }
      </Loaded>
      <Suspense>
        {open && <ApiKeyDialog of={open === "new" ? null : open} onClose={() => setOpen(null)} />}
      </Suspense>
    </Section>
  );
}

function Row({ of, onChange }: { of: ApiKey; onChange: () => void }) {
  const t = useStrings(words);
  const format = useFormat();
  const client = useQueryClient();
  const sessions = useSessions().data ?? [];
  const nameOf = (id: string) => {
    const session = sessions.find((one) => one.session_id === id);
    return session ? sessionName(session) : id;
  };
  const ended = of.expires_at !== null && new Date(of.expires_at) <= new Date();

  const revoke = () =>
    confirmed(
      { title: t.revokeTitle(of.name), body: <RevokeText of={of} />, confirm: t.revoke, danger: true },
      async () => {
        await apiKeyCalls.revoke(of.id);
        await client.invalidateQueries(apiKeysQuery);
      },
      t.revoked,
    );

  return (
    <li className="settings-person settings-user settings-key" aria-label={of.name}>
      <span className="settings-key-icon">
        <Icon name="key" />
      </span>
      <div className="settings-person-who">
        <strong>{of.name}</strong>
        <span className="field-hint">
          <code>{of.prefix}…</code>
          {` · ${t.made(format.dateTime(of.created_at))}`}
        </span>
        <span className="field-hint">
          {of.session_ids ? of.session_ids.map(nameOf).join(", ") || t.noNumbers : t.allNumbers}
        </span>
        <span className="field-hint">
          {[
            of.last_used_at ? t.used(format.relative(of.last_used_at)) : t.neverUsed,
            of.expires_at && !ended && t.runsOut(format.dateTime(of.expires_at)),
          ]
            .filter(Boolean)
            .join(" · ")}
        </span>
      </div>
      <div className="settings-person-badges">
        {ended && <Badge tone="bad">{t.hasRunOut}</Badge>}
        <Badge tone={of.access === "full" ? "good" : "plain"}>{t.accesses[of.access]}</Badge>
      </div>
      <Menu
        label={t.more(of.name)}
        actions={[
          { id: "change", label: t.change, icon: "edit", onAction: onChange },
          { id: "revoke", label: t.revoke, icon: "trash", danger: true, onAction: () => void revoke() },
        ]}
      >
        <IconButton icon="dots" label={t.more(of.name)} />
      </Menu>
    </li>
  );
}

/** What revoking does, and what it does not: webhooks that were added with the key go on. */
function RevokeText({ of }: { of: ApiKey }) {
  const t = useStrings(words);
  const stay = useQuery(webhooksQuery).data?.filter((one) => one.api_key?.id === of.id) ?? [];
  return (
    <>
      <p>{t.revokeText}</p>
      {stay.length > 0 && (
        <>
          <p>{t.webhooksStay(stay.length)}</p>
          <ul>
            {stay.map((one) => (
              <li key={one.id}>{one.name ?? one.url}</li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}
