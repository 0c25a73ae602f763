import { useRouter } from "@tanstack/react-router";
import { useSessions } from "~/data/sessions";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { PageHeader } from "~/ui/parts";
import { Empty, Loaded, Skeleton } from "~/ui/states";
import { NumberCard } from "./parts/card";
import { words } from "./strings";
import "./view.css";

export default function NumbersView() {
  const t = useStrings(words);
  const router = useRouter();
  const sessions = useSessions();
  const link = (
    <Button kind="primary" icon="plus" onPress={() => void router.navigate({ to: "/numbers/link" })}>
      {t.link}
    </Button>
  );
  return (
    <div className="page numbers">
      <PageHeader title={t.title} lead={t.lead} actions={sessions.data?.length ? link : null} />
      <Loaded query={sessions} loading={<Waiting />}>
        {(all) =>
          all.length === 0 ? (
            <Empty icon="phone" title={t.emptyTitle} action={link}>
              <p>{t.emptyText}</p>
            </Empty>
          ) : (
            <ul className="numbers-grid" aria-label={t.count(all.length)}>
              {all.map((session) => (
                <NumberCard key={session.session_id} session={session} />
              ))}
            </ul>
          )
        }
      </Loaded>
    </div>
  );
}

function Waiting() {
  return (
    <div className="numbers-grid" aria-hidden="true">
      {[1, 2].map((place) => (
        <div key={place} className="card card-body numbers-card">
          <div className="numbers-head">
            <Skeleton round width="3rem" height="3rem" />
            <div className="numbers-who">
              <Skeleton width="60%" height="1.2rem" />
              <Skeleton width="40%" />
            </div>
          </div>
          <Skeleton width="30%" />
        </div>
      ))}
    </div>
  );
}
