/** The frame of every view: navigation (a rail at the side, a bar below on phones), the connection's banner, content. */
import { Link, Outlet, useLocation } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { Button as AriaButton } from "react-aria-components/Button";
import { signIn } from "~/auth/sign-in";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { Icon, type IconName, Mark } from "~/ui/icon";
import { Menu } from "~/ui/menu";
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

function Account() {
  const t = useStrings(words);
  const state = useStore(signIn.state);
  if (state.kind !== "signed-in" && state.kind !== "expired") return null;
  const name = state.user.name ?? state.user.email;
  return (
    <div className="nav-account">
      <Menu
        label={t.account}
        actions={[
          {
            id: "out",
            label: t.signOut,
            icon: "logout",
            onAction: () => void signIn.logout().catch(() => {}),
          },
        ]}
      >
        <AriaButton className="nav-avatar" aria-label={`${t.account}: ${name}`}>
          <Avatar name={name} seed={state.user.id} size={34} />
        </AriaButton>
      </Menu>
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
