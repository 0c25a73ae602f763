/** Our own icons: 24 by 24, strokes of 1.75, no text of their own (the control that holds one has the name). */
import type { ReactNode, SVGProps } from "react";

const ICONS = {
  ai: (
    <>
      <path d="M12 3.5c.5 4.7 2.3 6.5 7 7-4.7.5-6.5 2.3-7 7-.5-4.7-2.3-6.5-7-7 4.7-.5 6.5-2.3 7-7Z" />
      <path d="M18.5 16.5c.2 1.8 1 2.6 2.8 2.8-1.8.2-2.6 1-2.8 2.7-.2-1.7-1-2.5-2.8-2.7 1.8-.2 2.6-1 2.8-2.8Z" />
    </>
  ),
  alert: (
    <>
      <path d="M12 4 2.8 19.5h18.4L12 4Z" />
      <path d="M12 10v4.5M12 17v.1" />
    </>
  ),
  archive: <path d="M3.5 5h17v4h-17zM5 9v10h14V9M9.5 13h5" />,
  arrowDown: <path d="M12 5v14M6 13l6 6 6-6" />,
  arrowLeft: <path d="M19 12H5M11 6l-6 6 6 6" />,
  attach: (
    <path d="m20 11.5-8 8a5 5 0 0 1-7.1-7.1l8.2-8.2a3.3 3.3 0 0 1 4.7 4.7l-8 8a1.7 1.7 0 0 1-2.4-2.4l7.3-7.3" />
  ),
  bell: <path d="M6 10a6 6 0 0 1 12 0c0 5 2 6 2 7H4c0-1 2-2 2-7ZM10 20.5h4" />,
  book: <path d="M5 4.5h11a3 3 0 0 1 3 3v12H7a2 2 0 0 1-2-2v-13ZM5 17.5a2 2 0 0 1 2-2h12M9 8.5h6" />,
  chart: <path d="M4 4v16h16M8.5 16v-5M13 16V7.5M17.5 16v-3.5" />,
  check: <path d="m5 12.5 4.5 4.5L19 7.5" />,
  checks: <path d="m2.5 12.5 4.5 4.5 8-9M11 16.5l.5.5 9.5-9.5" />,
  chevronDown: <path d="m6 9.5 6 6 6-6" />,
  chevronUp: <path d="m6 14.5 6-6 6 6" />,
  chevronRight: <path d="m9.5 6 6 6-6 6" />,
  clock: (
    <>
      <circle cx="12" cy="12" r="8.5" />
      <path d="M12 7v5l3.5 2" />
    </>
  ),
  close: <path d="m6 6 12 12M18 6 6 18" />,
  copy: <path d="M9 9h11v11H9zM5.5 15H4V4h11v1.5" />,
  dots: <path d="M12 5.5v.1M12 12v.1M12 18.5v.1" strokeWidth="2.6" />,
  download: <path d="M12 4v11M7 10.5l5 5 5-5M4.5 20h15" />,
  edit: <path d="M4 20l1-4.5L16.5 4l3.5 3.5L8.5 19 4 20ZM14 6.5l3.5 3.5" />,
  emoji: (
    <>
      <circle cx="12" cy="12" r="8.5" />
      <path d="M8.5 14.5c.8 1.2 2 1.9 3.5 1.9s2.7-.7 3.5-1.9M9 9.5v.1M15 9.5v.1" />
    </>
  ),
  eye: (
    <>
      <path d="M2.5 12c2-4.3 5.2-6.5 9.5-6.5s7.5 2.2 9.5 6.5c-2 4.3-5.2 6.5-9.5 6.5S4.5 16.3 2.5 12Z" />
      <circle cx="12" cy="12" r="2.7" />
    </>
  ),
  eyeOff: (
    <path d="M4 4l16 16M9.5 5.9A10 10 0 0 1 12 5.5c4.3 0 7.5 2.2 9.5 6.5a12 12 0 0 1-2.3 3.4M6 7.5A12 12 0 0 0 2.5 12c2 4.3 5.2 6.5 9.5 6.5 1.6 0 3-.3 4.2-.9M10 10a2.7 2.7 0 0 0 3.9 3.9" />
  ),
  file: <path d="M6 3.5h8l4.5 4.5v12.5H6zM13.5 3.5V8.5h5" />,
  filter: <path d="M4 6h16M7 12h10M10 18h4" />,
  group: (
    <>
      <circle cx="9" cy="8.5" r="3.5" />
      <path d="M2.5 19.5c.5-3.7 2.8-5.5 6.5-5.5s6 1.8 6.5 5.5M16 5.2a3.5 3.5 0 0 1 0 6.6M18.5 14.7c1.8.8 2.8 2.4 3 4.8" />
    </>
  ),
  hand: (
    <path d="M8 12V5.5a1.5 1.5 0 0 1 3 0V11m0-6.5v-.5a1.5 1.5 0 0 1 3 0v7m0-5.5a1.5 1.5 0 0 1 3 0V14c0 4-2.3 6.5-6 6.5-2.7 0-4.3-1.2-5.7-3.8L3.5 13.5c-.8-1.5 1-2.7 2.2-1.4L8 14.5" />
  ),
  image: <path d="M4 5h16v14H4zM4 16l4.5-4.5L13 16l2.5-2.5L20 18M15.5 9v.1" />,
  inbox: <path d="M4 13.5 6.5 5h11L20 13.5V19H4v-5.5ZM4 13.5h4.5c.3 1.8 1.5 2.7 3.5 2.7s3.2-.9 3.5-2.7H20" />,
  info: (
    <>
      <circle cx="12" cy="12" r="8.5" />
      <path d="M12 11v5M12 8v.1" />
    </>
  ),
  key: (
    <>
      <circle cx="8" cy="15.5" r="4.5" />
      <path d="M11.5 12.5 20 4M16.5 7.5l2.5 2.5" />
    </>
  ),
  language: (
    <path d="M3.5 6h10M8.5 4v2M11.5 6c-1 4-3.5 7-7.5 8.5M6 9c1 2.5 3 4.5 6 5.5M11.5 20l4.5-10 4.5 10M13 17h6" />
  ),
  link: (
    <path d="M10 14a4 4 0 0 0 5.7 0l3.1-3.1a4 4 0 0 0-5.7-5.7L12 6.3M14 10a4 4 0 0 0-5.7 0l-3.1 3.1a4 4 0 0 0 5.7 5.7l1.1-1.1" />
  ),
  logout: <path d="M10 4H5v16h5M15.5 8l4 4-4 4M19.5 12H10" />,
  mic: (
    <path d="M12 3.5a3 3 0 0 1 3 3V12a3 3 0 0 1-6 0V6.5a3 3 0 0 1 3-3ZM5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3" />
  ),
  moon: <path d="M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5Z" />,
  note: <path d="M5 4h14v10.5L14 20H5V4ZM14 20v-5.5h5M8.5 8.5h7M8.5 12h4" />,
  pause: <path d="M8 5.5v13M16 5.5v13" strokeWidth="2.4" />,
  person: (
    <>
      <circle cx="12" cy="8.5" r="4" />
      <path d="M4.5 20.5c.6-4.3 3.2-6.5 7.5-6.5s6.9 2.2 7.5 6.5" />
    </>
  ),
  phone: <path d="M7 2.5h10v19H7zM10.5 18.5h3" />,
  pin: <path d="M9 3.5h6l-1 6 3.5 3.5v1.5h-11V13L10 9.5l-1-6ZM12 14.5v6" />,
  play: <path d="M7.5 4.5v15l12-7.5-12-7.5Z" />,
  plus: <path d="M12 5v14M5 12h14" />,
  power: <path d="M12 3.5v8M7 6.5a7.5 7.5 0 1 0 10 0" />,
  qr: (
    <path d="M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h2.5v2.5H14zM20 14v3M17 20h3M17 17.5h.1M7 7h.1M17 7h.1M7 17h.1" />
  ),
  quote: (
    <path d="M5 14.5c0-4.2 1.6-7.2 5-9M5 14.5a3 3 0 1 0 6 0 3 3 0 1 0-6 0M14 14.5c0-4.2 1.6-7.2 5-9M14 14.5a3 3 0 1 0 6 0 3 3 0 1 0-6 0" />
  ),
  refresh: <path d="M19.5 8A8.5 8.5 0 0 0 4 9.5M4 4.5v5h5M4.5 16A8.5 8.5 0 0 0 20 14.5M20 19.5v-5h-5" />,
  reply: <path d="M9.5 6 4 11.5 9.5 17M4 11.5h9.5c4 0 6.5 2.3 6.5 7" />,
  search: (
    <>
      <circle cx="10.5" cy="10.5" r="6.5" />
      <path d="m15.5 15.5 5 5" />
    </>
  ),
  send: <path d="M4 12 3.5 4.5 21 12 3.5 19.5 4 12ZM4 12h8" />,
  settings: <path d="M4 7h9M17 7h3M4 17h3M11 17h9M13 4.5v5M17 4.5v5h-4v-5zM7 14.5h4v5H7z" />,
  shield: <path d="M12 3.5 5 6v5.5c0 4.3 2.3 7.3 7 9 4.7-1.7 7-4.7 7-9V6l-7-2.5ZM9 12l2.2 2.2L15.5 10" />,
  stop: <path d="M6 6h12v12H6z" />,
  sun: (
    <path d="M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8ZM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M18.7 5.3l-1.4 1.4M6.7 17.3l-1.4 1.4" />
  ),
  tag: <path d="M4 4h7.5l8.5 8.5-7.5 7.5L4 11.5V4ZM8 8v.1" />,
  trash: <path d="M4.5 6.5h15M9 6.5V4h6v2.5M6.5 6.5l1 13.5h9l1-13.5M10.5 10.5v6M13.5 10.5v6" />,
  warn: (
    <>
      <circle cx="12" cy="12" r="8.5" />
      <path d="M12 7.5V13M12 16v.1" />
    </>
  ),
} satisfies Record<string, ReactNode>;

export type IconName = keyof typeof ICONS;

export function Icon({
  name,
  size = 20,
  ...rest
}: { name: IconName; size?: number } & SVGProps<SVGSVGElement>) {
  return (
    <svg
      viewBox="0 0 24 24"
      width={size}
      height={size}
      fill="none"
      stroke="currentColor"
      strokeWidth={1.75}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
      {...rest}
    >
      {ICONS[name]}
    </svg>
  );
}

/** The mark of Prosa: an opening quotation mark. */
export function Mark({ size = 28 }: { size?: number }) {
  return (
    <svg viewBox="0 0 32 32" width={size} height={size} aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="9" fill="var(--leaf)" />
      <path
        d="M8.3 18.7c0-4.7 2-8 5.8-9.9l1.1 2c-2.2 1.2-3.3 2.7-3.4 4.4 2.1.2 3.5 1.7 3.5 3.7 0 2.2-1.5 3.7-3.5 3.7-2.2 0-3.5-1.6-3.5-3.9Zm9.3 0c0-4.7 2-8 5.8-9.9l1.1 2c-2.2 1.2-3.3 2.7-3.4 4.4 2.1.2 3.5 1.7 3.5 3.7 0 2.2-1.5 3.7-3.5 3.7-2.2 0-3.5-1.6-3.5-3.9Z"
        fill="var(--on-leaf)"
      />
    </svg>
  );
}
