/** Business hours: whether they count, the week, holidays, and what happens at other times. */
import { useMemo } from "react";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { IconButton } from "~/ui/icon-button";
import { Select } from "~/ui/select";
import { Switch } from "~/ui/switch";
import { useDraft } from "../draft";
import {
  DAYS,
  type Day,
  isInterval,
  nextInterval,
  ownTimeZone,
  readInterval,
  timeZones,
  usualWeek,
  type Week,
  writeInterval,
} from "../hours";
import { words as settingWords } from "../settings-strings";
import { words } from "../strings";
import { Setting } from "./setting";

const WORKDAYS: readonly Day[] = ["tuesday", "wednesday", "thursday", "friday"];

export default function Hours() {
  const t = useStrings(words);
  const labels = useStrings(settingWords);
  const draft = useDraft();
  const enabled = draft.get("hours.enabled") === true;
  const zone = draft.get("hours.time_zone") as string;
  const week = draft.get("hours.weekly") as Week;
  const zones = useMemo(() => timeZones(zone).map((id) => ({ id, label: id.replaceAll("_", " ") })), [zone]);

  function enable(on: boolean) {
    draft.set("hours.enabled", on);
    // what most mean: their own clock, and the week of an office
    if (on && DAYS.every((day) => week[day].length === 0)) {
      draft.set("hours.weekly", usualWeek());
      if (zone === "UTC") draft.set("hours.time_zone", ownTimeZone());
    }
  }

  return (
    <div className="stack ai-hours">
      <Switch isSelected={enabled} onChange={enable} hint={enabled ? t.hoursLead : t.hoursOff}>
        {labels.fields["hours.enabled"][0]}
      </Switch>
      {enabled && (
        <>
          <Select
            label={t.zone}
            search={t.searchZone}
            options={zones}
            value={zone}
            onChange={(next) => draft.set("hours.time_zone", next)}
            error={draft.error("hours.time_zone")}
          />
          <fieldset className="card ai-week">
            <legend className="visually-hidden">{t.week}</legend>
            {DAYS.map((day) => (
              <DayRow
                key={day}
                day={day}
                intervals={week[day]}
                error={draft.error(`hours.weekly.${day}`)}
                onChange={(intervals) => draft.set("hours.weekly", { ...week, [day]: intervals })}
              />
            ))}
            {DAYS.every((day) => week[day].length === 0) && (
              <p className="field-error" role="alert">
                {t.noHours}
              </p>
            )}
          </fieldset>
          <div className="row">
            <Button
              size="s"
              kind="quiet"
              icon="copy"
              onPress={() =>
                draft.set("hours.weekly", {
                  ...week,
                  ...Object.fromEntries(WORKDAYS.map((day) => [day, week.monday])),
                })
              }
            >
              {t.copyDay}
            </Button>
          </div>
          <Setting path="hours.outside" />
          <Setting path="hours.message" />
          <Setting path="hours.holidays" />
        </>
      )}
    </div>
  );
}

function DayRow({
  day,
  intervals,
  error,
  onChange,
}: {
  day: Day;
  intervals: readonly string[];
  error: string | undefined;
  onChange: (intervals: string[]) => void;
}) {
  const t = useStrings(words);
  const name = t.days[day];
  const change = (place: number, interval: string) =>
    onChange(intervals.map((one, index) => (index === place ? interval : one)));
  return (
    <div className="ai-day">
      <span className="ai-day-name">{name}</span>
      <div className="ai-day-hours">
        {intervals.length === 0 && <span className="ai-day-closed">{t.closed}</span>}
        {intervals.map((interval, place) => {
          const [from, to] = readInterval(interval);
          const faulty = !isInterval(interval);
          return (
            // biome-ignore lint/suspicious/noArrayIndexKey: an interval is what stands in its place
            <div key={place} className="ai-interval">
              <Clock
                label={t.from(name, place + 1)}
                value={from}
                isInvalid={faulty}
                onChange={(value) => change(place, writeInterval(value, to))}
              />
              <span aria-hidden="true">–</span>
              <Clock
                label={t.to(name, place + 1)}
                value={to}
                isInvalid={faulty}
                onChange={(value) => change(place, writeInterval(from, value))}
              />
              <IconButton
                size="s"
                icon="close"
                label={t.removeHours(name, place + 1)}
                onPress={() => onChange(intervals.filter((_, index) => index !== place))}
              />
              {faulty && <p className="field-error">{t.sameTimes}</p>}
            </div>
          );
        })}
        {error && <p className="field-error">{error}</p>}
      </div>
      <IconButton
        size="s"
        icon="plus"
        label={t.addHours(name)}
        isDisabled={intervals.length >= 10}
        onPress={() => onChange([...intervals, nextInterval(intervals)])}
      />
    </div>
  );
}

function Clock({
  label,
  value,
  isInvalid,
  onChange,
}: {
  label: string;
  value: string;
  isInvalid: boolean;
  onChange: (value: string) => void;
}) {
  return (
    <input
      type="time"
      className="field-area ai-clock"
      aria-label={label}
      aria-invalid={isInvalid}
      value={value}
      onChange={(event) => onChange(event.target.value)}
    />
  );
}
