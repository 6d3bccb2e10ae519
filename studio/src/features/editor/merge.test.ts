import { describe, expect, test } from "vitest";
import type { PromptDraft } from "@/features/prompts/queries";
import { merge } from "./merge";

const base: PromptDraft = { id: "p", description: "d", template: "a\nb\nc\nd\ne", inputs: { x: { type: "string", required: true } }, metadata: {} };

describe("merge", () => {
  test("takes what only one side changed", () => {
    const { draft, conflicts } = merge(base, { ...base, description: "mine" }, { ...base, template: "theirs" });
    expect(conflicts).toEqual([]);
    expect(draft).toMatchObject({ description: "mine", template: "theirs" });
  });

  test("puts texts together line by line", () => {
    const { draft, conflicts } = merge(base, { ...base, template: "a\nb\nc\nd\nE" }, { ...base, template: "A\nb\nc\nd\ne" });
    expect(conflicts).toEqual([]);
    expect(draft.template).toBe("A\nb\nc\nd\nE");
  });

  test("asks where both changed one line, and loses neither", () => {
    const { conflicts } = merge(base, { ...base, template: "a\nmine\nc\nd\ne" }, { ...base, template: "a\ntheirs\nc\nd\ne" });
    expect(conflicts).toEqual([{ field: "template", base: base.template, mine: "a\nmine\nc\nd\ne", theirs: "a\ntheirs\nc\nd\ne" }]);
  });

  test("puts inputs together by name, removed ones included", () => {
    const mine = { ...base, inputs: { ...base.inputs, m: { type: "number" as const, required: true } } };
    const theirs = { ...base, inputs: { t: { type: "boolean" as const, required: true } } };
    const { draft, conflicts } = merge(base, mine, theirs);
    expect(conflicts).toEqual([]);
    expect(Object.keys(draft.inputs ?? {}).sort()).toEqual(["m", "t"]);
  });

  test("asks about an input that both changed", () => {
    const changed = (description: string) => ({ ...base, inputs: { x: { type: "string" as const, required: true, description } } });
    expect(merge(base, changed("mine"), changed("theirs")).conflicts.map((one) => one.field)).toEqual(["inputs"]);
  });

  test("both said the same: nothing to ask", () => {
    expect(merge(base, { ...base, template: "new" }, { ...base, template: "new" }).conflicts).toEqual([]);
  });
});
