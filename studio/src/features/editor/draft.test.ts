import { act, renderHook } from "@testing-library/react";
import { beforeEach, expect, test } from "vitest";
import type { PromptDraft } from "@/features/prompts/queries";
import { keptWork, same, useWork } from "./draft";

const base: PromptDraft = { id: "p", description: "", template: "before", inputs: {}, metadata: {} };
const fresh = { base, baseVersion: 1, etag: '"1"' };
beforeEach(() => localStorage.clear());

test("what is the same is the same whatever the order, and null is nothing", () => {
  expect(same({ a: 1, b: [1, { c: null }] }, { b: [1, {}], a: 1 })).toBe(true);
  expect(same({ a: 1 }, { a: "1" })).toBe(false);
  expect(same([], {})).toBe(false);
});

test("unsaved work is there again, and forgotten once nothing differs", () => {
  const first = renderHook(() => useWork("default", "p", fresh));
  act(() => first.result.current.change({ template: "after" }));
  first.unmount();
  expect(keptWork("default", "p")?.draft.template).toBe("after");

  const second = renderHook(() => useWork("default", "p", fresh));
  expect(second.result.current.dirty).toBe(true);
  expect(second.result.current.work.draft.template).toBe("after");
  act(() => second.result.current.change({ template: "before" }));
  second.unmount();
  expect(keptWork("default", "p")).toBeNull();
});

test("what another program left in the storage stops nobody", () => {
  localStorage.setItem("dakora.draft.default.p", "{not json");
  expect(renderHook(() => useWork("default", "p", fresh)).result.current.work.draft.template).toBe("before");
});
