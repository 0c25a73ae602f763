import { keepPreviousData, useQuery } from "@tanstack/react-query";
import type { Session } from "~/api/types";
import { useSecondsUntil } from "~/app/now";
import { useFormat } from "~/i18n/format";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { Spinner } from "~/ui/spinner";
import { qrPicture } from "../queries";
import { words } from "../strings";
import { Steps } from "./steps";

/** A large code that renews itself, beside what to do with it. */
export function ByQr({ session, onCode }: { session: Session; onCode: () => void }) {
  const t = useStrings(words);
  const format = useFormat();
  const picture = useQuery({ ...qrPicture(session), placeholderData: keepPreviousData });
  const seconds = useSecondsUntil(session.qr_expires_at);
  const waiting = session.status === "qr" && session.qr !== null && picture.data !== undefined;
  const stale = waiting && (picture.isPlaceholderData || seconds === 0);
  return (
    <div className="numbers-columns">
      <figure className="numbers-qr" aria-busy={!waiting}>
        <div className="numbers-qr-paper" data-stale={stale || undefined}>
          {waiting ? (
            <img src={picture.data} alt={t.qrAlt} width={296} height={296} />
          ) : (
            <Spinner size={36} />
          )}
        </div>
        <figcaption>
          {!waiting
            ? t.preparing
            : stale || seconds === null
              ? t.renewing
              : t.renews(format.countdown(seconds))}
        </figcaption>
        <span className="visually-hidden" role="status">
          {waiting ? t.status.qr : t.preparing}
        </span>
      </figure>
      <div>
        <Steps steps={t.qrSteps} />
        <Button kind="quiet" icon="key" onPress={onCode}>
          {t.noCamera}
        </Button>
      </div>
    </div>
  );
}
