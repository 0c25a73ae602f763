/** How much of a limit is used. Say it in words beside it too. */
import { Meter as AriaMeter } from "react-aria-components/Meter";
import { useFormat } from "~/i18n/format";

export function Meter({ label, share, alert = 0.8 }: { label: string; share: number; alert?: number }) {
  const format = useFormat();
  const tone = share >= 1 ? "bad" : share >= alert ? "warn" : "good";
  return (
    <AriaMeter
      aria-label={label}
      className={`meter tone-${tone}`}
      value={Math.min(1, share) * 100}
      valueLabel={format.percent(share)}
    >
      {({ percentage }) => <span className="meter-fill" style={{ inlineSize: `${percentage}%` }} />}
    </AriaMeter>
  );
}
