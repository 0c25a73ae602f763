import { useStrings } from "~/i18n/strings";
import { BEHAVIOUR } from "../settings";
import { words } from "../strings";
import { Fold } from "./fold";
import { Setting } from "./setting";

export default function Behaviour() {
  const t = useStrings(words);
  return (
    <div className="ai-folds">
      {(Object.keys(BEHAVIOUR) as (keyof typeof BEHAVIOUR)[]).map((group, place) => {
        const [title = group, lead] = t.sections[group];
        return (
          <Fold key={group} title={title} lead={lead} open={place === 0}>
            {BEHAVIOUR[group].map((path) => (
              <Setting key={path} path={path} />
            ))}
          </Fold>
        );
      })}
    </div>
  );
}
