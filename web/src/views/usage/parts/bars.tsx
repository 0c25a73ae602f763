/** Bars by day, stacked; drawn by us, with the same figures as a table below. */
import { useId } from "react";
import { useStrings } from "~/i18n/strings";
import { words } from "../strings";

export interface Series {
  name: string;
  /** One a day. */
  values: readonly number[];
  tone: "leaf" | "clay" | "info" | "plain";
}

export interface BarsProps {
  title: string;
  days: readonly string[];
  series: readonly Series[];
  say: (value: number) => string;
  sayDay: (day: string) => string;
}

const HEIGHT = 100;
const WIDTH = 0.72;

export function Bars({ title, days, series, say, sayDay }: BarsProps) {
  const t = useStrings(words);
  const id = useId();
  const totals = days.map((_, place) => series.reduce((sum, one) => sum + (one.values[place] ?? 0), 0));
  const most = Math.max(...totals, 0);
  const total = say(totals.reduce((sum, value) => sum + value, 0));
  const last = days.length - 1;
  const marks = [...new Set([0, Math.floor(last / 2), last])];
  return (
    <figure className="card usage-plot" aria-labelledby={id}>
      <figcaption>
        <h2 id={id}>{title}</h2>
        {series.length > 1 && (
          <ul className="usage-legend">
            {series.map((one) => (
              <li key={one.name}>
                <span className={`usage-swatch usage-${one.tone}`} aria-hidden="true" />
                {one.name}
              </li>
            ))}
          </ul>
        )}
      </figcaption>
      <div className="usage-plot-area">
        <span className="usage-most" aria-hidden="true">
          {say(most)}
        </span>
        <svg
          viewBox={`0 0 ${days.length} ${HEIGHT}`}
          preserveAspectRatio="none"
          role="img"
          aria-label={t.chart(title, t.days(days.length), total)}
        >
          {days.map((day, place) => {
            let top = HEIGHT;
            return (
              <g key={day}>
                <title>{`${sayDay(day)}: ${say(totals[place] ?? 0)}`}</title>
                <rect x={place} y={0} width={1} height={HEIGHT} className="usage-hover" />
                {series.map((one) => {
                  const height = most ? ((one.values[place] ?? 0) / most) * HEIGHT : 0;
                  top -= height;
                  return (
                    <rect
                      key={one.name}
                      x={place + (1 - WIDTH) / 2}
                      y={top}
                      width={WIDTH}
                      height={height}
                      className={`usage-bar usage-${one.tone}`}
                    />
                  );
                })}
              </g>
            );
          })}
        </svg>
        <div className="usage-marks" aria-hidden="true">
          {marks.map((place) => (
            <span key={place}>{sayDay(days[place] ?? "")}</span>
          ))}
        </div>
      </div>
      <details className="usage-table">
        <summary>{t.table}</summary>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls must be reachable by keyboard */}
        <div className="usage-scroll" tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th scope="col">{t.day}</th>
                {series.map((one) => (
                  <th key={one.name} scope="col">
                    {one.name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {days.map((day, place) => (
                <tr key={day}>
                  <th scope="row">{sayDay(day)}</th>
                  {series.map((one) => (
                    <td key={one.name}>{say(one.values[place] ?? 0)}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </figure>
  );
}
