import { diff3Merge } from "node-diff3";
import type { PromptDraft } from "@/features/prompts/queries";
import { same } from "./draft";

export type Side = "mine" | "theirs";
/** A field that both changed, each in another way. */
export type FieldConflict = { field: keyof PromptDraft; base: unknown; mine: unknown; theirs: unknown };
export type Merged = { draft: PromptDraft; conflicts: FieldConflict[] };

const FIELDS: (keyof PromptDraft)[] = ["description", "template", "messages", "inputs", "model", "tools", "response_schema", "metadata", "folder"];

/** Two texts on a common one, line by line; null where both changed the same lines. */
function mergedText(base: string, mine: string, theirs: string): string | null {
  const lines: string[] = [];
  for (const region of diff3Merge(mine.split("\n"), base.split("\n"), theirs.split("\n"))) {
    if (!region.ok) return null;
    lines.push(...region.ok);
  }
  return lines.join("\n");
}

/** Three drafts made into one: what only one side changed is taken, texts are merged by line, the rest is asked. */
export function merge(base: PromptDraft, mine: PromptDraft, theirs: PromptDraft): Merged {
  const draft: PromptDraft = { ...theirs };
  const conflicts: FieldConflict[] = [];
  const take = (field: keyof PromptDraft, value: unknown) => Object.assign(draft, { [field]: value });
  for (const field of FIELDS) {
    const [b, m, t] = [base[field], mine[field], theirs[field]];
    if (same(m, t) || same(m, b)) continue;
    if (same(t, b)) {
      take(field, m);
      continue;
    }
    const text = typeof b === "string" && typeof m === "string" && typeof t === "string" ? mergedText(b, m, t) : null;
    if (text !== null) take(field, text);
    else if (field === "inputs") take(field, mergedInputs(b, m, t, conflicts));
    else conflicts.push({ field, base: b, mine: m, theirs: t });
  }
  return { draft, conflicts };
}

type Map = Record<string, unknown>;

/** Inputs are merged by name; one that both changed is asked as a whole. */
function mergedInputs(base: unknown, mine: unknown, theirs: unknown, conflicts: FieldConflict[]): Map {
  const [b, m, t] = [(base ?? {}) as Map, (mine ?? {}) as Map, (theirs ?? {}) as Map];
  const merged: Map = { ...t };
  for (const name of new Set([...Object.keys(b), ...Object.keys(m)])) {
    if (same(m[name], t[name]) || same(m[name], b[name])) continue;
    if (!same(t[name], b[name])) {
      conflicts.push({ field: "inputs", base, mine, theirs });
      return t;
    }
    if (m[name] === undefined) delete merged[name];
    else merged[name] = m[name];
  }
  return merged;
}
