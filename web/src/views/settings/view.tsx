import { useStrings } from "~/i18n/strings";
import { PageHeader } from "~/ui/parts";
import { words } from "./strings";
import "./view.css";

export default function SettingsView() {
  const t = useStrings(words);
  return (
    <div className="page">
      <PageHeader title={t.title} />
    </div>
  );
}
