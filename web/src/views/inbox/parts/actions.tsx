/** What can be done with a message. The menu is made when it is first wanted: a hundred of them would cost a lot. */
import { lazy, Suspense, useState } from "react";
import type { Message } from "~/api/types";
import { useStrings } from "~/i18n/strings";
import { Icon } from "~/ui/icon";
import { words } from "../strings";

const ActionsMenu = lazy(() => import("./actions-menu"));

export interface ActionsProps {
  message: Message;
  onQuote: (message: Message) => void;
  onFacts: () => void;
}

export function Actions(props: ActionsProps) {
  const t = useStrings(words);
  const [wanted, setWanted] = useState(false);
  const { message } = props;
  if (message.revoked_at && !message.ai) return null;
  const button = (
    <button
      type="button"
      className="icon-button icon-button-s button-quiet"
      aria-label={t.actions}
      aria-haspopup="menu"
      aria-expanded={wanted}
      onClick={() => setWanted(true)}
    >
      <Icon name="chevronDown" size={16} />
    </button>
  );
  return (
    <div className="bubble-actions">
      {wanted ? (
        <Suspense fallback={button}>
          <ActionsMenu {...props} />
        </Suspense>
      ) : (
        button
      )}
    </div>
  );
}
