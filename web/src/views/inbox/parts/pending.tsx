/** A text that Prosa has not taken yet: on its way, or not sent and why, with what can be done. */
import { useQueryClient } from "@tanstack/react-query";
import { drop, type Outgoing, sendAgain } from "~/data/outgoing";
import { problemText } from "~/i18n/problems";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { classes } from "~/ui/classes";
import { Icon } from "~/ui/icon";
import { words } from "../strings";

export function Pending({ one, onReturn }: { one: Outgoing; onReturn: (text: string) => void }) {
  const t = useStrings(words);
  const client = useQueryClient();
  const why = one.problem && problemText(one.problem);
  return (
    <article
      className={classes(
        "bubble bubble-mine bubble-person bubble-first bubble-pending",
        why && "bubble-unsent",
      )}
      aria-label={t.writers.person}
    >
      <p className="bubble-text" dir="auto">
        {one.body.text}
      </p>
      {why ? (
        <div className="bubble-error" role="alert">
          <p className="bubble-why">
            <Icon name="warn" size={15} />
            <span>
              {t.notSent} {why.detail ?? why.title}
            </span>
          </p>
          <span className="row">
            <Button size="s" icon="refresh" onPress={() => void sendAgain(client, one)}>
              {t.tryAgain}
            </Button>
            <Button
              size="s"
              kind="quiet"
              icon="edit"
              onPress={() => {
                drop(one.key);
                onReturn(one.body.text);
              }}
            >
              {t.change}
            </Button>
          </span>
        </div>
      ) : (
        <footer className="bubble-foot">
          <span className="bubble-tick" title={t.statuses.sending}>
            <Icon name="clock" size={15} />
            <span className="visually-hidden">{t.statuses.sending}</span>
          </span>
        </footer>
      )}
    </article>
  );
}
