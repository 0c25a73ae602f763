import { useParams, useRouter } from "@tanstack/react-router";
import { Missing } from "~/app/failed";
import { isManager, useMe } from "~/auth/me";
import { useStrings } from "~/i18n/strings";
import { PageHeader } from "~/ui/parts";
import { Tabs } from "~/ui/tabs";
import { words as apiKeyWords } from "./api-key-strings";
import { ApiKeys } from "./parts/api-keys";
import { Appearance } from "./parts/appearance";
import { Keys } from "./parts/keys";
import { People } from "./parts/people";
import { System } from "./parts/system";
import Webhooks from "./parts/webhooks";
import { You } from "./parts/you";
import { PARTS, type Part } from "./routes";
import { words } from "./strings";
import { words as webhookWords } from "./webhook-strings";
import "./view.css";

export default function SettingsView() {
  const t = useStrings(words);
  const { apiKeys } = useStrings(apiKeyWords);
  const webhooks = useStrings(webhookWords);
  const router = useRouter();
  const me = useMe();
  const { part } = useParams({ from: "/shell/settings/$part" });
  const selected = PARTS.find((one) => one === part);
  if (!selected) return <Missing />;
  const manager = isManager(me);
  const kept = manager || (selected !== "people" && selected !== "system") ? selected : "you";
  return (
    <div className="page settings">
      <PageHeader title={t.title} />
      <Tabs<Part>
        label={t.parts}
        selected={kept}
        onSelect={(next) =>
          void router.navigate({ to: "/settings/$part", params: { part: next }, replace: true })
        }
        tabs={[
          { id: "you", label: t.you, icon: "person", content: <You /> },
          ...(manager
            ? [{ id: "people" as const, label: t.people, icon: "group" as const, content: <People /> }]
            : []),
          { id: "appearance", label: t.appearance, icon: "sun", content: <Appearance /> },
          { id: "keys", label: t.keys, icon: "key", content: <Keys /> },
          { id: "api-keys", label: apiKeys, icon: "link", content: <ApiKeys /> },
          { id: "webhooks", label: webhooks.tab, icon: "bell", content: <Webhooks /> },
          ...(manager
            ? [{ id: "system" as const, label: t.system, icon: "shield" as const, content: <System /> }]
            : []),
        ]}
      />
    </div>
  );
}
