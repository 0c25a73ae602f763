/** What every view shows while it has nothing to show yet, nothing at all, or something went wrong. */
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useProblemText } from "~/i18n/problems";
import { useStrings } from "~/i18n/strings";
import { Button } from "./button";
import { classes } from "./classes";
import { Icon, type IconName } from "./icon";
import { Spinner } from "./spinner";
import { words } from "./strings";

export function Empty({
  icon,
  title,
  children,
  action,
}: {
  icon: IconName;
  title: string;
  children?: ReactNode;
  action?: ReactNode;
}) {
  return (
    <div className="state">
      <span className="state-icon">
        <Icon name={icon} size={28} />
      </span>
      <h2>{title}</h2>
      {children && <div className="state-text">{children}</div>}
      {action && <div className="state-action">{action}</div>}
    </div>
  );
}

/** Waits 200 ms before it shows itself, so that quick answers do not flash. */
export function Loading({ label, fill }: { label?: string; fill?: boolean }) {
  const t = useStrings(words);
  return (
    <div className={classes("loading", fill && "loading-fill")} role="status">
      <Spinner size={24} />
      <span className="visually-hidden">{label ?? t.loading}</span>
    </div>
  );
}

export function ErrorState({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const t = useStrings(words);
  const { title, detail, remedy } = useProblemText(error);
  return (
    <div className="state" role="alert">
      <span className="state-icon state-icon-bad">
        <Icon name="warn" size={28} />
      </span>
      <h2>{title}</h2>
      <div className="state-text">
        {detail && <p>{detail}</p>}
        {remedy && <p>{remedy}</p>}
      </div>
      {onRetry && (
        <div className="state-action">
          <Button icon="refresh" onPress={onRetry}>
            {t.retry}
          </Button>
        </div>
      )}
    </div>
  );
}

/** A query's data once they are there; else what to show instead. Old data stay while new ones are fetched. */
export function Loaded<T>({
  query,
  children,
  loading,
}: {
  query: UseQueryResult<T>;
  children: (data: T) => ReactNode;
  loading?: ReactNode;
}) {
  if (query.data !== undefined) return children(query.data);
  if (query.isError) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  return loading ?? <Loading />;
}

/** A grey shape where text or a picture will be. */
export function Skeleton({ width, height, round }: { width?: string; height?: string; round?: boolean }) {
  return (
    <span
      className={classes("skeleton", round && "skeleton-round")}
      aria-hidden="true"
      style={{ inlineSize: width ?? "100%", blockSize: height ?? "1em" }}
    />
  );
}
