import { chooseTheme, theme } from "~/app/appearance";
import { useStore } from "~/app/store";
import { chooseLocale, type Locale, useChosenLocale } from "~/i18n/locale";
import { useStrings } from "~/i18n/strings";
import { ChoiceGroup } from "~/ui/choice";
import { words } from "../strings";

export function Appearance() {
  const t = useStrings(words);
  const chosenTheme = useStore(theme);
  const locale = useChosenLocale();
  return (
    <div className="settings-form settings-wide">
      <ChoiceGroup
        label={t.theme}
        value={chosenTheme}
        onChange={chooseTheme}
        choices={[
          { id: "system", label: t.themes.system, icon: "settings" },
          { id: "light", label: t.themes.light, icon: "sun" },
          { id: "dark", label: t.themes.dark, icon: "moon" },
        ]}
      />
      <ChoiceGroup<Locale | "auto">
        label={t.language}
        hint={t.deviceOnly}
        value={locale ?? "auto"}
        onChange={(next) => chooseLocale(next === "auto" ? null : next)}
        choices={[
          { id: "auto", label: t.languages.auto, icon: "language" },
          { id: "pt-BR", label: t.languages["pt-BR"] },
          { id: "en", label: t.languages.en },
        ]}
      />
    </div>
  );
}
