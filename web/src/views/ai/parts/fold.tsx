import type { ReactNode } from "react";
import { Icon } from "~/ui/icon";

/** A part that is opened when it is wanted. */
export function Fold({
  title,
  lead,
  open,
  children,
}: {
  title: string;
  lead?: string | undefined;
  open?: boolean;
  children: ReactNode;
}) {
  return (
    <details className="card ai-fold" open={open}>
      <summary>
        <span>
          <span className="ai-fold-title">{title}</span>
          {lead && <span className="field-hint">{lead}</span>}
        </span>
        <Icon name="chevronDown" className="ai-fold-arrow" />
      </summary>
      <div className="ai-fold-body">{children}</div>
    </details>
  );
}
