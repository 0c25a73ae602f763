import type { Session } from "~/api/types";
import { sessionName } from "~/data/sessions";
import { useStrings } from "~/i18n/strings";
import { Select } from "~/ui/select";
import { words } from "../strings";

/** Conversations of one number only; where there are several. */
export default function NumberFilter({
  numbers,
  value,
  onChange,
}: {
  numbers: readonly Session[];
  value: string;
  onChange: (session: string) => void;
}) {
  const t = useStrings(words);
  return (
    <Select
      label={t.number}
      hideLabel
      options={[
        { id: "", label: t.allNumbers },
        ...numbers.map((one) => ({ id: one.session_id, label: sessionName(one) })),
      ]}
      value={value}
      onChange={onChange}
    />
  );
}
