/** The frame of every view: navigation (a rail at the side, a bar below on phones), the connection's banner, content. */
import { Link, Outlet, useLocation } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useRef, useState } from "react";
import { signIn } from "~/auth/sign-in";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { Icon, type IconName, Mark } from "~/ui/icon";
import { Avatar } from "~/ui/parts";
import { live } from "./live";
import { useStore } from "./store";
import { words } from "./strings";

const VIEWS = [
  { to: "/inbox", word: "inbox", icon: "inbox" },
  { to: "/numbers", word: "numbers", icon: "phone" },
  { to: "/ai", word: "ai", icon: "ai" },
  { to: "/usage", word: "usage", icon: "chart" },
  { to: "/settings", word: "settings", icon: "settings" },
] as const satisfies readonly { to: string; word: string; icon: IconName }[];

export function Shell() {
  const t = useStrings(words);
  useFocusOnNavigation();
  return (
    <div className="shell">
      <a className="skip" href="#content">
        {t.skip}
      </a>
      <nav className="nav" aria-label={t.nav}>
        <div className="nav-brand">
          <Mark size={32} />
        </div>
        <ul className="nav-list">
          {VIEWS.map((view) => (
            <li key={view.to}>
              <Link to={view.to} className="nav-link" activeProps={{ className: "nav-link nav-link-active" }}>
                <Icon name={view.icon} size={22} />
                <span>{t[view.word]}</span>
              </Link>
            </li>
          ))}
        </ul>
        <Account />
      </nav>
      <div className="stage">
        <Connection />
        <main id="content" className="content" tabIndex={-1}>
          <Outlet />
        </main>
      </div>
    </div>
  );
}

/** After a change of view, the keyboard and the screen reader go on in it, not at the top of the page. */
function useFocusOnNavigation() {
  const view = useLocation({ select: (location) => location.pathname.split("/")[1] });
  const before = useRef(view);
  useEffect(() => {
    if (before.current === view) return;
    before.current = view;
    document.getElementById("content")?.focus({ preventScroll: true });
  }, [view]);
}

const AccountMenu = lazy(() => import("./account-menu"));

/** The menu is made when it is first wanted: menus are a good part of all that pages are made of. */
function Account() {
  const t = useStrings(words);
  const state = useStore(signIn.state);
  const [wanted, setWanted] = useState(false);
  if (state.kind !== "signed-in" && state.kind !== "expired") return null;
  const name = state.user.name ?? state.user.email;
  const label = `${t.account}: ${name}`;
  const avatar = <Avatar name={name} seed={state.user.id} size={34} />;
  const button = (
    <button
      type="button"
      className="nav-avatar"
      aria-label={label}
      aria-haspopup="menu"
      aria-expanded={wanted}
      onClick={() => setWanted(true)}
    >
      {avatar}
    </button>
  );
  return (
    <div className="nav-account">
      {wanted ? (
        <Suspense fallback={button}>
          <AccountMenu label={label}>{avatar}</AccountMenu>
        </Suspense>
      ) : (
        button
      )}
    </div>
  );
}

/** Says that nothing new comes in, once that lasts longer than a blink. */
function Connection() {
  const t = useStrings(words);
  const state = useStore(live().state);
  const [lasting, setLasting] = useState(false);
  const [, tick] = useState(0);
  const away = state.kind === "waiting" || state.kind === "connecting";
  useEffect(() => {
    if (!away) {
      setLasting(false);
      return;
    }
    const timer = setTimeout(() => setLasting(true), 1500);
    const clock = setInterval(() => tick((count) => count + 1), 1000);
    return () => {
      clearTimeout(timer);
      clearInterval(clock);
    };
  }, [away]);
  if (!away || !lasting) return <div role="status" />;
  const seconds = state.kind === "waiting" ? Math.ceil((state.retryAt - Date.now()) / 1000) : 0;
  return (
    <div className="connection">
      <Icon name="warn" size={18} />
      <span role="status">{t.offline}</span>
      <span className="connection-wait">{state.kind === "waiting" ? t.retryIn(seconds) : t.connecting}</span>
      <Button
        size="s"
        kind="quiet"
        onPress={() => live().retryNow()}
        isDisabled={state.kind === "connecting"}
      >
        {t.tryNow}
      </Button>
    </div>
  );
}
