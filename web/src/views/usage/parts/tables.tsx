/** The same period by number and by purpose. */
import { useQuery } from "@tanstack/react-query";
import { sessionName, useSessions } from "~/data/sessions";
import { useFormat } from "~/i18n/format";
import { useStrings } from "~/i18n/strings";
import { Loaded } from "~/ui/states";
import { type MessageTotal, messagesQuery, type Span, type Total, usageQuery } from "../queries";
import { words } from "../strings";

export default function Tables({ span }: { span: Span }) {
  return (
    <div className="usage-tables">
      <ByNumber span={span} />
      <ByPurpose span={span} />
    </div>
  );
}

function ByNumber({ span }: { span: Span }) {
  const t = useStrings(words);
  const format = useFormat();
  const sessions = useSessions();
  const calls = useQuery(usageQuery(span, "session"));
  const messages = useQuery(messagesQuery(span, "session"));
  const name = (id: string) => {
    const found = sessions.data?.find((one) => one.session_id === id);
    return found ? sessionName(found) : id;
  };
  return (
    <Loaded query={calls}>
      {(cost) => (
        <Loaded query={messages}>
          {(counts) => (
            <Table
              title={t.byNumber}
              heads={[t.received, t.sent, t.answers, t.tokens, t.cost]}
              rows={numbers(cost.items, counts.items).map(({ id, total, count }) => ({
                id,
                name: name(id),
                cells: [
                  format.compact(count?.received ?? 0),
                  format.compact(count ? sent(count) : 0),
                  format.compact(answered(count)),
                  format.compact(total ? total.input_tokens + total.output_tokens : 0),
                  format.cost(total?.cost_microusd ?? 0),
                ],
              }))}
            />
          )}
        </Loaded>
      )}
    </Loaded>
  );
}

function ByPurpose({ span }: { span: Span }) {
  const t = useStrings(words);
  const format = useFormat();
  const calls = useQuery(usageQuery(span, "purpose"));
  return (
    <Loaded query={calls}>
      {({ items }) => (
        <Table
          title={t.byPurpose}
          heads={[t.calls, t.tokens, t.cost]}
          rows={[...items].sort(byCost).map((item) => ({
            id: item.purpose ?? "",
            name: t.purposes[item.purpose as keyof typeof t.purposes] ?? item.purpose ?? "",
            cells: [
              format.number(item.calls),
              format.compact(item.input_tokens + item.output_tokens),
              format.cost(item.cost_microusd),
            ],
          }))}
        />
      )}
    </Loaded>
  );
}

const byCost = (one: Total, other: Total) => other.cost_microusd - one.cost_microusd;
const sent = (one: MessageTotal) => one.sent_ai + one.sent_person + one.sent_phone + one.sent_automatic;
const answered = (one: MessageTotal | undefined) =>
  Object.values(one?.answers ?? {}).reduce((sum, count) => sum + count, 0);

/** Numbers with costs, messages, or both; what costs most first. */
function numbers(totals: readonly Total[], counts: readonly MessageTotal[]) {
  const ids = new Set([...totals].sort(byCost).map((one) => one.session_id ?? ""));
  for (const one of counts) ids.add(one.session_id ?? "");
  return [...ids].map((id) => ({
    id,
    total: totals.find((one) => one.session_id === id),
    count: counts.find((one) => one.session_id === id),
  }));
}

function Table({
  title,
  heads,
  rows,
}: {
  title: string;
  heads: readonly string[];
  rows: readonly { id: string; name: string; cells: readonly string[] }[];
}) {
  const t = useStrings(words);
  // phones have no room for all columns
  const wide = (head: string | undefined) =>
    head === t.tokens || head === t.sent ? "usage-wide" : undefined;
  return (
    <section className="card usage-plot">
      <h2>{title}</h2>
      {rows.length === 0 ? (
        <p className="field-hint">{t.nothing}</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls must be reachable by keyboard
        <div className="usage-scroll" tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th scope="col">
                  <span className="visually-hidden">{title}</span>
                </th>
                {heads.map((head) => (
                  <th key={head} scope="col" className={wide(head)}>
                    {head}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map(({ id, name, cells }) => (
                <tr key={id}>
                  <th scope="row">{name}</th>
                  {cells.map((cell, place) => (
                    // biome-ignore lint/suspicious/noArrayIndexKey: a cell is what stands in its column
                    <td key={place} className={wide(heads[place])}>
                      {cell}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
