/** Small pieces of pages. */
import { type ReactNode, useState } from "react";
import { useStrings } from "~/i18n/strings";
import { Button, type ButtonProps } from "./button";
import { classes } from "./classes";
import { Icon, type IconName } from "./icon";
import { words } from "./strings";

/** Names the tab of the browser; React moves it into the head. */
export function PageTitle({ children }: { children: string }) {
  return <title>{`${children} · Prosa`}</title>;
}

/** The head of a view: its name, what it is about, and what can be done at once. */
export function PageHeader({
  title,
  lead,
  actions,
}: {
  title: string;
  lead?: ReactNode;
  actions?: ReactNode;
}) {
  return (
    <header className="page-header">
      <PageTitle>{title}</PageTitle>
      <div>
        <h1>{title}</h1>
        {lead && <p className="page-lead">{lead}</p>}
      </div>
      {actions && <div className="page-actions">{actions}</div>}
    </header>
  );
}

/** A titled part of a page. */
export function Section({
  title,
  lead,
  children,
  actions,
}: {
  title: string;
  lead?: ReactNode;
  children: ReactNode;
  actions?: ReactNode;
}) {
  return (
    <section className="section">
      <header className="section-header">
        <div>
          <h2>{title}</h2>
          {lead && <p className="section-lead">{lead}</p>}
        </div>
        {actions}
      </header>
      {children}
    </section>
  );
}

export type Tone = "good" | "warn" | "bad" | "info" | "ai" | "plain";

export function Badge({
  tone = "plain",
  icon,
  children,
}: {
  tone?: Tone;
  icon?: IconName;
  children: ReactNode;
}) {
  return (
    <span className={classes("badge", `tone-${tone}`)}>
      {icon && <Icon name={icon} size={14} />}
      {children}
    </span>
  );
}

/** A round dot of a state; say the state in words beside it. */
export function Dot({ tone, pulse }: { tone: Tone; pulse?: boolean }) {
  return <span className={classes("dot", `tone-${tone}`, pulse && "dot-pulse")} aria-hidden="true" />;
}

/** A notice inside a page: why something is so, and what to do. */
export function Notice({
  tone = "info",
  icon,
  title,
  children,
  actions,
}: {
  tone?: Tone;
  icon?: IconName;
  title?: ReactNode;
  children?: ReactNode;
  actions?: ReactNode;
}) {
  const usual: Record<Tone, IconName> = {
    good: "check",
    warn: "alert",
    bad: "warn",
    info: "info",
    ai: "ai",
    plain: "info",
  };
  return (
    <div className={classes("notice", `tone-${tone}`)}>
      <Icon name={icon ?? usual[tone]} />
      <div className="notice-text">
        {title && <strong>{title}</strong>}
        {children}
      </div>
      {actions && <div className="notice-actions">{actions}</div>}
    </div>
  );
}

/** The first letters of a name, on a colour that is always the same for it. */
export function Avatar({
  name,
  seed,
  size = 40,
  icon,
}: {
  name: string;
  seed?: string;
  size?: number;
  icon?: IconName;
}) {
  const letters = initials(name);
  return (
    <span
      className="avatar"
      aria-hidden="true"
      style={
        {
          inlineSize: size,
          blockSize: size,
          fontSize: size * 0.38,
          "--hue": hue(seed ?? name),
        } as React.CSSProperties
      }
    >
      {/* letters are drawn by the style, so that no control has them in its visible name */}
      {icon || !letters ? (
        <Icon name={icon ?? "person"} size={size * 0.55} />
      ) : (
        <span data-letters={letters} />
      )}
    </span>
  );
}

export function initials(name: string): string {
  const parts = name
    .trim()
    .split(/\s+/)
    .filter((part) => /^\p{L}/u.test(part));
  const first = parts[0];
  const last = parts.length > 1 ? parts[parts.length - 1] : undefined;
  return [first, last]
    .map((part) => (part ? (Array.from(part)[0] ?? "") : ""))
    .join("")
    .toLocaleUpperCase();
}

function hue(text: string): number {
  let value = 0;
  for (const character of text) value = (value * 31 + (character.codePointAt(0) ?? 0)) % 360;
  return value;
}

/** Copies `text`; works on plain HTTP too, where browsers give no clipboard to write to. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.setAttribute("readonly", "");
    area.className = "visually-hidden";
    (document.querySelector("[role=dialog],[role=alertdialog]") ?? document.body).append(area);
    area.select();
    try {
      return document.execCommand("copy");
    } finally {
      area.remove();
    }
  }
}

export function CopyButton({ text, children, ...rest }: { text: string } & Omit<ButtonProps, "onPress">) {
  const t = useStrings(words);
  const [copied, setCopied] = useState(false);
  return (
    <Button
      icon={copied ? "check" : "copy"}
      {...rest}
      onPress={async () => {
        if (!(await copyText(text))) return;
        setCopied(true);
        setTimeout(() => setCopied(false), 2000);
      }}
    >
      <span aria-live="polite">{copied ? t.copied : children}</span>
    </Button>
  );
}
