/** Keys of model providers: which there are, and which replaces what. None is ever shown. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { isManager, useMe } from "~/auth/me";
import { useFormat } from "~/i18n/format";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { confirmed } from "~/ui/confirmed";
import { Icon } from "~/ui/icon";
import { IconButton } from "~/ui/icon-button";
import { Menu } from "~/ui/menu";
import { Badge, Section } from "~/ui/parts";
import { Empty, Loaded } from "~/ui/states";
import { keyCalls, keysQuery, type ProviderKey } from "../queries";
import { words } from "../strings";

const KeyDialog = lazy(() => import("./key-dialog"));

export function Keys() {
  const t = useStrings(words);
  const keys = useQuery(keysQuery);
  const [open, setOpen] = useState<ProviderKey | "new" | null>(null);
  const add = (
    <Button kind="primary" icon="plus" onPress={() => setOpen("new")}>
      {t.addKey}
    </Button>
  );
  return (
    <Section title={t.keysTitle} lead={t.keysLead} actions={keys.data?.length ? add : undefined}>
      <Loaded query={keys}>
        {(all) =>
          all.length === 0 ? (
            <Empty icon="key" title={t.keysEmpty} action={add}>
              <p>{t.keysEmptyText}</p>
            </Empty>
          ) : (
            <ul className="card settings-people" aria-label={t.keysTitle}>
              {all.map((one) => (
                <Row key={`${one.scope} ${one.provider}`} of={one} onReplace={() => setOpen(one)} />
              ))}
            </ul>
          )
        }
      </Loaded>
      <Suspense>
        {open && <KeyDialog of={open === "new" ? null : open} onClose={() => setOpen(null)} />}
      </Suspense>
    </Section>
  );
}

function Row({ of, onReplace }: { of: ProviderKey; onReplace: () => void }) {
  const t = useStrings(words);
  const format = useFormat();
  const me = useMe();
  const client = useQueryClient();
  const name = t.providers[of.provider] ?? of.provider;
  const end = of.hint.replace("…", ""); // of a short key nothing is told

  const remove = () =>
    confirmed(
      { title: t.removeKeyTitle(name), body: <p>{t.removeKeyText}</p>, confirm: t.removeKey, danger: true },
      async () => {
        await keyCalls.remove(of);
        await client.invalidateQueries(keysQuery);
      },
      t.keyRemoved,
    );

  return (
    <li className="settings-person settings-key" aria-label={name}>
      <span className="settings-key-icon">
        <Icon name="key" />
      </span>
      <div className="settings-person-who">
        <strong>{name}</strong>
        <span className="field-hint">
          {[end && t.keyHint(end), t.keySince(format.dateTime(of.created_at)), of.base_url]
            .filter(Boolean)
            .join(" · ")}
        </span>
      </div>
      {of.scope === "installation" && <Badge tone="info">{t.ofInstallation}</Badge>}
      {(of.scope === "own" || isManager(me)) && (
        <Menu
          label={t.moreOfKey(name)}
          actions={[
            { id: "replace", label: t.replaceKey, icon: "refresh", onAction: onReplace },
            {
              id: "remove",
              label: t.removeKey,
              icon: "trash",
              danger: true,
              onAction: () => void remove(),
            },
          ]}
        >
          <IconButton icon="dots" label={t.moreOfKey(name)} />
        </Menu>
      )}
    </li>
  );
}
