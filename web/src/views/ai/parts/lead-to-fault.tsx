import { useEffect, useRef } from "react";
import { useDraft } from "../draft";

/**
 * Leads the keyboard and the eye, once, to the first field at fault of the part that it stands in: when that part is
 * there, and the field says what is wrong with it.
 */
export function LeadToFault() {
  useDraft(); // what the API said of a field arrives with the draft
  const done = useRef(false);
  useEffect(() => {
    const field = document.querySelector<HTMLElement>(".ai [aria-invalid=true]");
    if (!field || done.current) return;
    done.current = true;
    field.closest("details")?.setAttribute("open", "");
    field.scrollIntoView({ block: "center" });
    field.focus();
  });
  return null;
}
