/** Light, dark, or as the system says; kept on this device. public/theme.js sets it before the first paint. */
import { storage } from "./storage";
import { createStore } from "./store";

export type Theme = "system" | "light" | "dark";

const KEY = "prosa.theme";

function stored(): Theme {
  const value = storage.getItem(KEY);
  return value === "light" || value === "dark" ? value : "system";
}

export const theme = createStore<Theme>(stored());

export function chooseTheme(choice: Theme): void {
  if (choice === "system") {
    storage.removeItem(KEY);
    delete document.documentElement.dataset.theme;
  } else {
    storage.setItem(KEY, choice);
    document.documentElement.dataset.theme = choice;
  }
  theme.set(choice);
}
