import { lazy, type ReactNode, Suspense } from "react";
import { I18nProvider } from "react-aria-components/I18nProvider";
import { signIn } from "~/auth/sign-in";
import { useLocale } from "~/i18n/locale";
import { asked } from "~/ui/confirm";
import { ErrorState, Loading } from "~/ui/states";
import { toasted } from "~/ui/toast";
import { useStore } from "./store";

// What most visits never show is loaded when it is wanted.
const Expired = lazy(() => import("./expired"));
const ConfirmHost = lazy(() => import("~/ui/confirm-host"));
const ToastHost = lazy(() => import("~/ui/toast-host"));
const Welcome = lazy(() => import("~/views/welcome/view"));

/** Who is there decides what is shown: the welcome pages, or the routes (`children`), which load nothing before. */
export function Root({ children }: { children: ReactNode }) {
  const state = useStore(signIn.state);
  const locale = useLocale();
  const question = useStore(asked);
  const news = useStore(toasted);
  return (
    <I18nProvider locale={locale === "en" ? "en-US" : locale}>
      <Suspense fallback={<Loading fill />}>
        {state.kind === "starting" ? (
          <Loading fill />
        ) : state.kind === "signed-in" || state.kind === "expired" ? (
          children
        ) : state.kind === "unreachable" ? (
          <ErrorState error={state.error} onRetry={() => void signIn.start()} />
        ) : (
          <Welcome state={state} />
        )}
      </Suspense>
      <Suspense>
        {state.kind === "expired" && <Expired user={state.user} />}
        {question && <ConfirmHost />}
        {news && <ToastHost />}
      </Suspense>
    </I18nProvider>
  );
}
