import { useStrings } from "~/i18n/strings";
import { PageHeader } from "~/ui/parts";
import { Empty } from "~/ui/states";
import { words } from "./strings";
import "./view.css";

export default function AiView() {
  const t = useStrings(words);
  return (
    <div className="page">
      <PageHeader title={t.title} />
      <Empty icon="ai" title={t.soon} />
    </div>
  );
}
