import type { Schemas } from "~/api/types";

/** Pieces of documents as the model reads them. */
export function Passages({ passages }: { passages: readonly Schemas["PassageView"][] }) {
  return (
    <ul className="ai-passages">
      {passages.map((passage) => (
        <li key={`${passage.source_id} ${passage.place} ${passage.text.slice(0, 40)}`}>
          <p className="field-hint">{[passage.name, passage.place].filter(Boolean).join(" · ")}</p>
          <p className="ai-passage">{passage.text}</p>
        </li>
      ))}
    </ul>
  );
}
