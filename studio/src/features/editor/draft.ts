import { useCallback, useEffect, useRef, useState } from "react";
import type { PromptDraft } from "@/features/prompts/queries";

/** What is being written, and what it was written on. */
export type Work = { draft: PromptDraft; base: PromptDraft; baseVersion: number; etag: string | undefined };

const keyOf = (project: string, id: string) => `dakora.draft.${project}.${id}`;

export function keptWork(project: string, id: string): Work | null {
  try {
    return JSON.parse(localStorage.getItem(keyOf(project, id)) ?? "null") as Work | null;
  } catch {
    return null;
  }
}

export const forgetWork = (project: string, id: string) => localStorage.removeItem(keyOf(project, id));

/** Equal as JSON, whatever the order of keys; nothing and null are the same. */
export function same(a: unknown, b: unknown): boolean {
  if (a === b || (a == null && b == null)) return true;
  if (typeof a !== "object" || typeof b !== "object" || !a || !b) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((one, n) => same(one, b[n]));
  }
  const [x, y] = [a as Record<string, unknown>, b as Record<string, unknown>];
  return [...new Set([...Object.keys(x), ...Object.keys(y)])].every((key) => same(x[key], y[key]));
}

/** Work that survives a reload: what differs from its base is kept in this browser until it is saved or thrown away. */
export function useWork(project: string, id: string, fresh: Omit<Work, "draft">) {
  const [work, setWork] = useState<Work>(() => keptWork(project, id) ?? { ...fresh, draft: fresh.base });
  const dirty = !same(work.draft, work.base);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => {
    const keep = () => {
      try {
        if (dirty) localStorage.setItem(keyOf(project, id), JSON.stringify(work));
        else forgetWork(project, id);
      } catch {
        // The browser's storage is full or forbidden: the work is still in the page.
      }
    };
    clearTimeout(timer.current);
    timer.current = setTimeout(keep, 200);
    window.addEventListener("pagehide", keep);
    return () => {
      clearTimeout(timer.current);
      window.removeEventListener("pagehide", keep);
      keep();
    };
  }, [work, dirty, project, id]);
  const change = useCallback((part: Partial<PromptDraft>) => setWork((was) => ({ ...was, draft: { ...was.draft, ...part } })), []);
  const startFrom = useCallback((next: Work) => setWork(next), []);
  return { work, dirty, change, startFrom };
}
