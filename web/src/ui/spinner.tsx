/** Turns while something is awaited. Decorative: whoever shows it says in words what is going on. */
export function Spinner({ size = 20 }: { size?: number }) {
  return (
    <svg className="spinner" viewBox="0 0 24 24" width={size} height={size} fill="none" aria-hidden="true">
      <circle cx="12" cy="12" r="9" stroke="currentColor" strokeWidth="2.500" opacity="0.25" />
      <path d="M21 12a9 9 0 0 0-9-9" stroke="currentColor" strokeWidth="2.500" strokeLinecap="round" />
    </svg>
  );
}
