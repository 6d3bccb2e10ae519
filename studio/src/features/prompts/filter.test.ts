import { expect, test } from "vitest";
import { counted, filterPrompts, folderTree } from "./filter";
import type { PromptSummary } from "./queries";

const prompt = (id: string, more: Partial<PromptSummary> = {}): PromptSummary => ({ id, folder: "", version: "1.0.0", version_number: 1, description: "", tags: [], labels: [], label_versions: {}, inputs: {}, content_hash: "", portable: true, created_at: "2026-01-01", updated_at: "2026-01-01", ...more });
const all = [prompt("welcome", { folder: "mails", tags: ["a"], updated_at: "2026-03-01" }), prompt("goodbye", { folder: "mails/late", description: "When they leave" }), prompt("other", { label_versions: { production: 1 }, updated_at: "2026-02-01" })];
const ids = (found: PromptSummary[]) => found.map((one) => one.id);

test("words may stand in any field, all of them must", () => {
  expect(ids(filterPrompts(all, { q: "leave GOOD" }))).toEqual(["goodbye"]);
  expect(ids(filterPrompts(all, { q: "leave welcome" }))).toEqual([]);
});

test("a folder has what is below it, and not what only begins alike", () => {
  const more = [...all, prompt("x", { folder: "mailsorting" })];
  expect(ids(filterPrompts(more, { folder: "mails" }))).toEqual(["welcome", "goodbye"]);
});

test("tags, labels and order", () => {
  expect(ids(filterPrompts(all, { tag: "a" }))).toEqual(["welcome"]);
  expect(ids(filterPrompts(all, { label: "production" }))).toEqual(["other"]);
  expect(ids(filterPrompts(all, { sort: "newest" }))).toEqual(["welcome", "other", "goodbye"]);
});

test("the tree counts what is in a folder and below", () => {
  expect(folderTree(all)).toEqual([{ name: "mails", path: "mails", count: 2, children: [{ name: "late", path: "mails/late", count: 1, children: [] }] }]);
  expect(counted(["b", "a", "b"])).toEqual([["b", 2], ["a", 1]]);
});
