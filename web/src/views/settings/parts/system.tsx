import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { Schemas } from "~/api/types";
import { useFormat } from "~/i18n/format";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { Dot, Notice, Section, type Tone } from "~/ui/parts";
import { Loaded } from "~/ui/states";
import { systemQuery } from "../queries";
import { words } from "../strings";

export function System() {
  const t = useStrings(words);
  const system = useQuery(systemQuery);
  return (
    <Section
      title={t.system}
      actions={
        <Button icon="refresh" isPending={system.isFetching} onPress={() => void system.refetch()}>
          {t.refresh}
        </Button>
      }
    >
      <Loaded query={system}>{(told) => <Told system={told} />}</Loaded>
    </Section>
  );
}

const TONES: Record<Schemas["Health"]["status"], Tone> = { ok: "good", degraded: "warn", unavailable: "bad" };

function Told({ system }: { system: Schemas["SystemView"] }) {
  const t = useStrings(words);
  const format = useFormat();
  const { health } = system;
  return (
    <div className="stack">
      <Notice tone={TONES[health.status]} title={t.health[health.status]} />
      <dl className="card settings-facts">
        <Fact name={t.database} good={health.database === "ok"} state={t.states[health.database]}>
          {t.kinds[system.database]}
        </Fact>
        <Fact
          name={t.cache}
          good={health.cache === "ok"}
          state={health.cache === "ok" ? t.states.ok : t.cacheAway}
        >
          {t.kinds[system.cache]}
        </Fact>
        <Fact
          name={t.engine}
          good={health.engine === "ok"}
          state={health.engine === "ok" ? t.states.ok : t.engineAway}
        >
          prosa-bridge
        </Fact>
        <Fact name={t.ai} good={system.ai_key} state={system.ai_key ? t.keySet : t.noKey}>
          {system.ai_model}
        </Fact>
        <Fact name={t.version}>Prosa {health.version}</Fact>
        <Fact name={t.python}>{system.python}</Fact>
        <Fact name={t.platform}>{system.platform}</Fact>
        <Fact name={t.running}>{format.dateTime(system.started_at)}</Fact>
      </dl>
      <p>
        <a href="/docs">{t.apiDocs}</a>
      </p>
    </div>
  );
}

function Fact({
  name,
  good,
  state,
  children,
}: {
  name: string;
  good?: boolean;
  state?: string | undefined;
  children: ReactNode;
}) {
  return (
    <div className="settings-fact">
      <dt>{name}</dt>
      <dd>
        <span>{children}</span>
        {state && (
          <span className="settings-state">
            <Dot tone={good ? "good" : "warn"} />
            {state}
          </span>
        )}
      </dd>
    </div>
  );
}
