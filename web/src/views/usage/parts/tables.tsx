/** The same period by number and by purpose. */
import { useQuery } from "@tanstack/react-query";
import { sessionName, useSessions } from "~/data/sessions";
import { useFormat } from "~/i18n/format";
import { useStrings } from "~/i18n/strings";
import { Loaded } from "~/ui/states";
import { type Span, type Total, usageQuery } from "../queries";
import { words } from "../strings";

export default function Tables({ span }: { span: Span }) {
  const t = useStrings(words);
  const sessions = useSessions();
  const byNumber = useQuery(usageQuery(span, "session"));
  const byPurpose = useQuery(usageQuery(span, "purpose"));
  const name = (id: string) => {
    const found = sessions.data?.find((one) => one.session_id === id);
    return found ? sessionName(found) : id;
  };
  return (
    <div className="usage-tables">
      <Loaded query={byNumber}>
        {({ items }) => (
          <Table title={t.byNumber} items={items} name={(item) => name(item.session_id ?? "")} />
        )}
      </Loaded>
      <Loaded query={byPurpose}>
        {({ items }) => (
          <Table
            title={t.byPurpose}
            items={items}
            name={(item) => t.purposes[item.purpose as keyof typeof t.purposes] ?? item.purpose ?? ""}
          />
        )}
      </Loaded>
    </div>
  );
}

function Table({
  title,
  items,
  name,
}: {
  title: string;
  items: readonly Total[];
  name: (item: Total) => string;
}) {
  const t = useStrings(words);
  const format = useFormat();
  return (
    <section className="card usage-plot">
      <h2>{title}</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls must be reachable by keyboard */}
      <div className="usage-scroll" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">
                <span className="visually-hidden">{title}</span>
              </th>
              <th scope="col">{t.calls}</th>
              <th scope="col">{t.tokens}</th>
              <th scope="col">{t.cost}</th>
            </tr>
          </thead>
          <tbody>
            {[...items]
              .sort((one, other) => other.cost_microusd - one.cost_microusd)
              .map((item) => (
                <tr key={name(item)}>
                  <th scope="row">{name(item)}</th>
                  <td>{format.number(item.calls)}</td>
                  <td>{format.compact(item.input_tokens + item.output_tokens)}</td>
                  <td>{format.cost(item.cost_microusd)}</td>
                </tr>
              ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
