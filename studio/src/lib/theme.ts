import { useSyncExternalStore } from "react";

export type Theme = "light" | "dark" | "system";
const KEY = "dakora.theme";
const dark = () => window.matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

const chosen = (): Theme => {
  const kept = localStorage.getItem(KEY);
  return kept === "light" || kept === "dark" ? kept : "system";
};
const apply = () => {
  const theme = chosen();
  document.documentElement.classList.toggle("dark", theme === "dark" || (theme === "system" && dark().matches));
  listeners.forEach((tell) => tell());
};

export function startTheme() {
  apply();
  dark().addEventListener("change", apply);
}

export function setTheme(theme: Theme) {
  if (theme === "system") localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, theme);
  apply();
}

const subscribe = (tell: () => void) => {
  listeners.add(tell);
  return () => void listeners.delete(tell);
};
export const useTheme = () => useSyncExternalStore(subscribe, chosen);
