import { useEffect, useState } from "react";

/** `value`, once it has stood still for `ms`. */
export function useDebounced<T>(value: T, ms: number): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return settled;
}

/** The browser's title while this is shown. */
export function useTitle(...parts: (string | undefined)[]) {
  const title = [...parts.filter(Boolean), "Dakora"].join(" · ");
  useEffect(() => {
    document.title = title;
  }, [title]);
}

/** Runs `act` on a key with ⌘ or Ctrl (`mod+s`), or a bare key outside of text fields. */
export function useShortcut(shortcut: string, act: () => void, enabled = true) {
  useEffect(() => {
    if (!enabled) return;
    const [key, needsMod] = [shortcut.replace("mod+", ""), shortcut.startsWith("mod+")];
    const onKey = (event: KeyboardEvent) => {
      const mod = event.metaKey || event.ctrlKey;
      if (event.key.toLowerCase() !== key.toLowerCase() || mod !== needsMod || event.altKey) return;
      if (!needsMod && isTyping(event.target)) return;
      event.preventDefault();
      act();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [shortcut, act, enabled]);
}

function isTyping(target: EventTarget | null) {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName);
}
