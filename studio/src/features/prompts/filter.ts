import type { PromptSummary } from "./queries";

export type PromptFilter = { q?: string; folder?: string; tag?: string; label?: string; sort?: string };

/** What of `prompts` is wanted, in the wanted order. 10,000 take a few milliseconds. */
export function filterPrompts(prompts: PromptSummary[], { q, folder, tag, label, sort }: PromptFilter): PromptSummary[] {
  const words = (q ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  const found = prompts.filter((one) => {
    if (folder && one.folder !== folder && !one.folder.startsWith(`${folder}/`)) return false;
    if (tag && !one.tags.includes(tag)) return false;
    if (label && !(label in one.label_versions)) return false;
    if (words.length === 0) return true;
    const text = `${one.id} ${one.description} ${one.tags.join(" ")} ${one.folder}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  if (sort === "newest") found.sort((a, b) => (a.updated_at < b.updated_at ? 1 : -1));
  else if (sort === "oldest") found.sort((a, b) => (a.updated_at < b.updated_at ? -1 : 1));
  return found;
}

export type Folder = { name: string; path: string; count: number; children: Folder[] };

/** The folders as a tree; each counts what is in it and below. */
export function folderTree(prompts: PromptSummary[]): Folder[] {
  const roots: Folder[] = [];
  const known = new Map<string, Folder>();
  const at = (path: string): Folder => {
    const found = known.get(path);
    if (found) return found;
    const cut = path.lastIndexOf("/");
    const made: Folder = { name: path.slice(cut + 1), path, count: 0, children: [] };
    known.set(path, made);
    (cut < 0 ? roots : at(path.slice(0, cut)).children).push(made);
    return made;
  };
  for (const { folder } of prompts) {
    if (!folder) continue;
    at(folder);
    for (let path = folder; path; path = path.slice(0, Math.max(0, path.lastIndexOf("/")))) at(path).count += 1;
  }
  const sorted = (folders: Folder[]): Folder[] =>
    folders.sort((a, b) => a.name.localeCompare(b.name)).map((one) => ({ ...one, children: sorted(one.children) }));
  return sorted(roots);
}

/** Each value with how often it stands, the most frequent first. */
export function counted(values: string[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
}
