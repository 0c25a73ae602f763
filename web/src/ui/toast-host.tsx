import { Button } from "react-aria-components/Button";
import { Text } from "react-aria-components/Text";
import {
  UNSTABLE_Toast as Toast,
  UNSTABLE_ToastContent as ToastContent,
  UNSTABLE_ToastQueue as ToastQueue,
  UNSTABLE_ToastRegion as ToastRegion,
} from "react-aria-components/Toast";
import { useStrings } from "~/i18n/strings";
import { classes } from "./classes";
import { Icon, type IconName } from "./icon";
import { words } from "./strings";

export interface News {
  kind: "good" | "bad" | "info";
  title: string;
  detail?: string | undefined;
}

const queue = new ToastQueue<News>({ maxVisibleToasts: 3 });
const ICONS: Record<News["kind"], IconName> = { good: "check", bad: "warn", info: "info" };

export function add(news: News, timeout: number): void {
  queue.add(news, { timeout });
}

export default function ToastHost() {
  const t = useStrings(words);
  return (
    <ToastRegion queue={queue} className="toasts" aria-label={t.news}>
      {({ toast: item }) => (
        <Toast toast={item} className={classes("toast", `toast-${item.content.kind}`)}>
          <Icon name={ICONS[item.content.kind]} />
          <ToastContent className="toast-content">
            <Text slot="title" className="toast-title">
              {item.content.title}
            </Text>
            {item.content.detail && <Text slot="description">{item.content.detail}</Text>}
          </ToastContent>
          <Button slot="close" className="icon-button icon-button-s button-quiet" aria-label={t.close}>
            <Icon name="close" size={16} />
          </Button>
        </Toast>
      )}
    </ToastRegion>
  );
}
