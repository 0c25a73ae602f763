/** One number: who it is, how it is, why it is not online and what to do, and what can be done with it. */
import { useQueryClient } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { useState } from "react";
import type { Session } from "~/api/types";
import { dropSession, sessionCalls, sessionName } from "~/data/sessions";
import { useFormat } from "~/i18n/format";
import { formatPhone } from "~/i18n/phone";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { confirmed } from "~/ui/confirmed";
import { IconButton } from "~/ui/icon-button";
import { Menu, type MenuAction } from "~/ui/menu";
import { Avatar, Badge, Dot, Notice, type Tone } from "~/ui/parts";
import { toast } from "~/ui/toast";
import { type Condition, condition, isLinked, useSessionCall } from "../queries";
import { words } from "../strings";
import { Rename } from "./rename";

const TONES: Record<Condition, Tone> = {
  connecting: "info",
  qr: "info",
  pairing: "info",
  passkey: "warn",
  open: "good",
  closed: "bad",
  stopped: "plain",
  logged_out: "warn",
  new: "plain",
};
const LINKING: ReadonlySet<Condition> = new Set(["qr", "pairing", "passkey"]);

export function NumberCard({ session }: { session: Session }) {
  const t = useStrings(words);
  const format = useFormat();
  const state = condition(session);
  const name = sessionName(session);
  const phone = session.phone ? formatPhone(session.phone) : null;
  const also = phone === null || phone === name ? session.session_id : phone;
  const live = state === "connecting" || LINKING.has(state);
  return (
    <li className="card card-body numbers-card" aria-label={name}>
      <div className="numbers-head">
        <Avatar
          name={session.name ?? session.push_name ?? ""}
          seed={session.session_id}
          size={48}
          icon="phone"
        />
        <div className="numbers-who">
          <h2 className="numbers-name">{name}</h2>
          {also !== name && <p className="numbers-phone">{also}</p>}
        </div>
        <Actions session={session} name={name} />
      </div>
      <div className="row">
        <Badge tone={TONES[state]}>
          <Dot tone={TONES[state]} pulse={live} />
          {t.status[state]}
        </Badge>
        {isLinked(session) && <Ai session={session} />}
      </div>
      <Why session={session} state={state} />
      <Next session={session} state={state} />
      {session.last_connected_at && state !== "open" && (
        <p className="field-hint">{t.lastOnline(format.relative(session.last_connected_at))}</p>
      )}
    </li>
  );
}

function Ai({ session }: { session: Session }) {
  const t = useStrings(words);
  if (session.ai.state === "on") {
    return (
      <Badge tone="ai" icon="ai">
        {t.aiOn}
      </Badge>
    );
  }
  return <Badge icon="ai">{t.aiOff}</Badge>;
}

/** Why it is not online, in the person's language where the reason is known, else in Prosa's own words. */
function Why({ session, state }: { session: Session; state: Condition }) {
  const t = useStrings(words);
  const reason = session.status_reason;
  const known = reason ? t.reasons[reason] : undefined;
  // of a number that was never linked, the badge and the button say it all
  if (reason && reason !== "not_linked" && state !== "stopped" && state !== "connecting") {
    return (
      <Notice tone={state === "open" ? "warn" : TONES[state]} title={known?.[0]}>
        {known?.[1] ?? session.status_detail}
      </Notice>
    );
  }
  const ai = session.ai.reason as keyof typeof t.aiReasons | null;
  if (state === "open" && ai && ai !== "ai_off" && t.aiReasons[ai])
    return <Notice tone="warn">{t.aiReasons[ai]}</Notice>;
  return null;
}

/** The one thing to do next, where there is one. */
function Next({ session, state }: { session: Session; state: Condition }) {
  const t = useStrings(words);
  const router = useRouter();
  const connect = useSessionCall(() => sessionCalls.connect(session.session_id, { method: "qr" }));
  const toLink = () =>
    void router.navigate({ to: "/numbers/$sessionId/link", params: { sessionId: session.session_id } });
  if (LINKING.has(state)) {
    return (
      <Button kind="primary" onPress={toLink}>
        {t.goOn}
      </Button>
    );
  }
  if (!isLinked(session) && state !== "connecting") {
    return (
      <Button kind={state === "new" ? "primary" : "secondary"} icon="link" onPress={toLink}>
        {state === "new" ? t.connect : state === "closed" ? t.goOn : t.linkAgain}
      </Button>
    );
  }
  if (state === "stopped" || state === "closed") {
    return (
      <Button
        icon="power"
        isPending={connect.isPending}
        onPress={() => connect.mutate(undefined, { onError: toast.problem })}
      >
        {t.connect}
      </Button>
    );
  }
  return null;
}

function Actions({ session, name }: { session: Session; name: string }) {
  const t = useStrings(words);
  const client = useQueryClient();
  const [renaming, setRenaming] = useState(false);
  const id = session.session_id;
  const restart = useSessionCall(() => sessionCalls.restart(id));
  const stop = useSessionCall(() => sessionCalls.stop(id));
  const logout = useSessionCall(() => sessionCalls.logout(id));
  const linked = isLinked(session);

  const askLogout = () =>
    confirmed(
      { title: t.logoutTitle(name), body: <p>{t.logoutText}</p>, confirm: t.logoutConfirm },
      () => logout.mutateAsync(undefined),
      t.loggedOut(name),
    );
  const askRemove = () =>
    confirmed(
      { title: t.removeTitle(name), body: <p>{t.removeText}</p>, confirm: t.removeConfirm, danger: true },
      async () => {
        await sessionCalls.remove(id);
        dropSession(client, id);
      },
      t.removed(name),
    );

  const actions: (MenuAction | null)[] = [
    { id: "rename", label: t.rename, icon: "edit", onAction: () => setRenaming(true) },
    {
      id: "reconnect",
      label: t.reconnect,
      icon: "refresh",
      isDisabled: !linked || !session.wanted,
      onAction: () =>
        restart.mutate(undefined, {
          onSuccess: () => toast.info(t.reconnecting(name)),
          onError: toast.problem,
        }),
    },
    {
      id: "stop",
      label: t.stop,
      icon: "pause",
      isDisabled: !session.wanted,
      onAction: () =>
        stop.mutate(undefined, { onSuccess: () => toast.info(t.stopped(name)), onError: toast.problem }),
    },
    null,
    { id: "logout", label: t.logout, icon: "logout", isDisabled: !linked, onAction: () => void askLogout() },
    { id: "remove", label: t.remove, icon: "trash", danger: true, onAction: () => void askRemove() },
  ];
  return (
    <>
      <Menu label={t.more(name)} actions={actions}>
        <IconButton icon="dots" label={t.more(name)} />
      </Menu>
      {renaming && <Rename session={session} onClose={() => setRenaming(false)} />}
    </>
  );
}
