import { Outlet } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { I18nProvider } from "react-aria-components/I18nProvider";
import { signIn } from "~/auth/sign-in";
import { useLocale } from "~/i18n/locale";
import { ConfirmHost } from "~/ui/dialog";
import { ErrorState, Loading } from "~/ui/states";
import { ToastHost } from "~/ui/toast";
import { Expired } from "./expired";
import { useStore } from "./store";

const Welcome = lazy(() => import("~/views/welcome/view"));

/** Who is there decides what is shown: the welcome pages, or the routes. */
export function Root() {
  const state = useStore(signIn.state);
  const locale = useLocale();
  return (
    <I18nProvider locale={locale === "en" ? "en-US" : locale}>
      <Suspense fallback={<Loading fill />}>
        {state.kind === "starting" ? (
          <Loading fill />
        ) : state.kind === "signed-in" || state.kind === "expired" ? (
          <Outlet />
        ) : state.kind === "unreachable" ? (
          <ErrorState error={state.error} onRetry={() => void signIn.start()} />
        ) : (
          <Welcome state={state} />
        )}
      </Suspense>
      {state.kind === "expired" && <Expired user={state.user} />}
      <ConfirmHost />
      <ToastHost />
    </I18nProvider>
  );
}
