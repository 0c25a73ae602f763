import { useStrings } from "~/i18n/strings";
import { Empty } from "~/ui/states";
import { words } from "../strings";

/** Beside the list while no conversation is open. */
export function Nothing() {
  const t = useStrings(words);
  return (
    <section className="inbox-thread inbox-nothing" aria-label={t.thread}>
      <Empty icon="inbox" title={t.chooseTitle}>
        <p>{t.chooseText}</p>
      </Empty>
    </section>
  );
}
