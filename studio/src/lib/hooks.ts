import { useLocation } from "@tanstack/react-router";
import { useEffect, useState, type RefObject } from "react";

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

/** Where a row of links is wider than the screen, the one of the page that is open is in sight. */
export function useInSight(nav: RefObject<HTMLElement | null>) {
  const { pathname } = useLocation();
  useEffect(() => {
    const row = nav.current;
    const active = row?.querySelector<HTMLElement>('[aria-current="page"]');
    if (row && active && row.scrollWidth > row.clientWidth) row.scrollTo({ left: active.offsetLeft - (row.clientWidth - active.offsetWidth) / 2 });
  }, [nav, pathname]);
}
