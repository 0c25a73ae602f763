import { type ErrorComponentProps, Link } from "@tanstack/react-router";
import { useEffect } from "react";
import { useStrings } from "~/i18n/strings";
import { Empty, ErrorState } from "~/ui/states";
import { words } from "./strings";

/** A view could not be loaded or drawn. The others still work. */
export function Failed({ error, reset }: ErrorComponentProps) {
  useEffect(() => {
    // biome-ignore lint/suspicious/noConsole: the only place where a fault of the console itself is told
    console.error(error);
  }, [error]);
  const t = useStrings(words);
  if (isStaleBuild(error)) {
    return (
      <Empty icon="refresh" title={t.updated}>
        <p>
          <a href={location.href}>{t.reload}</a>
        </p>
      </Empty>
    );
  }
  return <ErrorState error={error} onRetry={reset} />;
}

/** Prosa was upgraded while the page was open: the part it asks for has another name now. */
function isStaleBuild(error: unknown): boolean {
  return error instanceof TypeError && /module|import/i.test(error.message);
}

export function Missing() {
  const t = useStrings(words);
  return (
    <Empty icon="search" title={t.missing} action={<Link to="/inbox">{t.toInbox}</Link>}>
      <p>{t.missingText}</p>
    </Empty>
  );
}
